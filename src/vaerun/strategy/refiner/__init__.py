"""(φ, ∇_φ L) ↦ Δφ: networks that refine φ."""
