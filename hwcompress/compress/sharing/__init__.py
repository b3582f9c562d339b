"""Shared weights: few values for many weights, and codes for them."""
