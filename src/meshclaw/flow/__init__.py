"""The nouns. This folder imports nothing of ours but its own files."""
