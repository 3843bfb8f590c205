"""What sets a run off. Each trigger types the outside world once, here: ``receive`` gives a Request with its trust."""
