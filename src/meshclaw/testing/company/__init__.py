"""A company that nobody works at: the same one for the same seed, of any size."""
