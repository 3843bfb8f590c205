"""Maildir, mbox and IMAP behind one interface (``base``); ``open`` is the one entry."""
