"""From hostile bytes to a Message: ``parse`` is the one entry."""
