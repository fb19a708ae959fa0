"""p_θ(x, z): generative models."""
