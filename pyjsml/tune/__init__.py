"""Tuning: search for the parameters with which each kernel of a model runs fastest."""
