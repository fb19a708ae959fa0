"""p_θ(x given z) as p(x given outputs): likelihoods of the decoder's outputs."""
