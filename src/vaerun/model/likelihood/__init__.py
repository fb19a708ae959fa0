"""p_θ(x given z): what the decoder's outputs mean."""
