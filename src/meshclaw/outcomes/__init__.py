"""What became of receipts: matched later, from what the world shows."""
