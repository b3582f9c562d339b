"""The folding of every engine: how many lanes it computes at once."""
