"""Choosing how every engine of a design is made, under all limits at once."""
