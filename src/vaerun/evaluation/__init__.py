"""Evaluations: metrics of a strategy on one split of the data, at fixed θ."""
