"""Products of bytes: what they compute, and their loops."""
