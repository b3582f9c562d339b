"""Post-training quantization: thresholds, grids, repairs, and what is exported for the edge."""
