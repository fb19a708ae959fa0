"""b_k: what is subtracted from the credit of a sample, independent of that sample."""
