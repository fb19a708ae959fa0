"""p_θ(z): priors."""
