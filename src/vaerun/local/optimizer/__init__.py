"""Optimisers over rows of Φ, each row with a state and a step count of its own."""
