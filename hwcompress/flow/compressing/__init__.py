"""Compression on a folder: recipes joined with the integer graph, the simulator and synthesis."""
