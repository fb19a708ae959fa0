"""log μ_j, the logarithm of mean counts, as a function of the decoder's outputs."""
