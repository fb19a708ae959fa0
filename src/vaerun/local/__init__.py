"""φ of single points: the table Φ, an optimiser over its rows, and the solver for φ*."""
