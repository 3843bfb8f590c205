"""Policies in Cedar: who may do what to what, when; validated, parsed once, default deny."""
