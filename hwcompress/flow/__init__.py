"""The build: named steps over a folder with a manifest of content hashes."""
