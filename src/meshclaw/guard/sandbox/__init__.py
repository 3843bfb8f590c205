"""Where commands run that nobody has to trust: no home, no keys, a read-only system, one folder, one way out.

``run.run`` is the entry; a ``profile.Profile`` says what a command may do.
"""
