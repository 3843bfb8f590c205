"""What became of changes: the lines of a repository's history, by who made them, and what the work had cost."""
