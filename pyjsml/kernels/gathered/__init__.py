"""Operators whose loops carry state, by what each element of their result reads."""
