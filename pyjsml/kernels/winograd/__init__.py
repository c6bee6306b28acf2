"""Winograd's convolution: what it computes, its weights, and its loops."""
