"""What AI tools were used for, as one store of calls: ``usage.db``."""
