"""f_λ: x ↦ φ, amortized inference."""
