"""What has to be exact and shared: who is who, which devices there are, how far each of them is, and the journal."""
