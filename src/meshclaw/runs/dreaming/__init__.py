"""What a dream is made of: what it may read, what code learns from that, what a model proposes, and who judges it."""
