"""What a person's own words ask for and name: ``wording`` is the entry, the rest is how it reads them."""
