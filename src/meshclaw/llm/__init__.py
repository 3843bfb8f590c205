"""What models cost; later, asking them. Nothing here opens a connection."""
