"""Slack, both ways: what the claw's own person says there becomes a request, and answers and asks go back.

``listening`` holds the socket and keeps what comes (``gate`` says whose words count); ``speaking`` does the rest:
``turns`` begins runs, ``answers`` brings them back, ``asks`` shows approvals. ``kept`` survives a crash.
"""
