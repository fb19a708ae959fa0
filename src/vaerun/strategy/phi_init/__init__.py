"""(x, stored φ) ↦ φ^(0): initial φ of a visit."""
