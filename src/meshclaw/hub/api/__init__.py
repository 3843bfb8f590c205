"""What programs ask the hub over HTTP, version 1."""
