"""What AI tools were used for on this machine: their records read, priced and counted."""
