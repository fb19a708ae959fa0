"""The weights of a network before the first step of training."""
