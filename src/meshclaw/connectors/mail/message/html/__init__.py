"""What a person would see of a page, and what was hidden from them."""
