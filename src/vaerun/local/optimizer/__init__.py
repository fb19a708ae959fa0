"""(g, state) ↦ (Δφ, state): per-point optimisers, with a state and a step count per row of Φ."""
