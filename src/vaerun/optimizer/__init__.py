"""Optimisers of the shared weights θ and λ."""
