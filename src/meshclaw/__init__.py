"""MeshClaw: an agent on your own machine whose rights, work and costs can be proved."""

__version__ = "0.1.0"
