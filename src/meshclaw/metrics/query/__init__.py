"""Engines: each takes the same definition over the same three tables, and gives the same rows."""
