"""Data sets: real files, the user's own arrays, and simulations whose exact answers are known."""
