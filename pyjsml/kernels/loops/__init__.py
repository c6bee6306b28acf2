"""The loops that a function gets, by what it computes."""
