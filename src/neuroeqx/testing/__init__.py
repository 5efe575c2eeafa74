"""Evidence: what holds models, your own among them, to references."""
