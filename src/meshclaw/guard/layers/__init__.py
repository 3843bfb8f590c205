"""What an action is held to: one file for each layer, in the order in which ``decide`` asks them."""
