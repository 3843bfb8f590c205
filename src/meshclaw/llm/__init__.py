"""What models cost, and asking them. Only ``adapter`` opens connections, and only when a model is really asked."""
