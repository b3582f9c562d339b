"""Facts about a model, and comparisons of its integer graph with its own runtime."""
