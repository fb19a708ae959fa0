"""Where φ comes from, and when θ, φ and λ move."""
