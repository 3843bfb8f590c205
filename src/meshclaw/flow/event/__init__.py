"""The facts the ledger keeps: one file per noun, closed by ``union``."""
