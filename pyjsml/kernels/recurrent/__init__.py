"""Recurrent layers: what they compute, and their loops."""
