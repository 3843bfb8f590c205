"""Fakes that we ship: for our tests and for those of connector and agent authors."""
