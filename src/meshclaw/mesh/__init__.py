"""A claw in its company's mesh: what it tells the hub, and nothing else."""
