"""What became of the lines of a git repository: who began them, how long they stood."""
