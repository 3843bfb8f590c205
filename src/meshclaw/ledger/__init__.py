"""The ledger keeps events: append-only, hash-chained, signed. Content never enters it."""
