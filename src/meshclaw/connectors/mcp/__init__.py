"""Tools of MCP servers as verbs: declared by a manifest that a person wrote, pinned as their server defines them.

``connector`` is the entry; ``session`` speaks the protocol, ``boxed`` and ``remote`` are its ways to a server,
``definition`` is what a server says of its tools, ``draft`` a manifest to begin with.
"""
