"""b_k with E_q[b_k ∇ log q(z_k; φ)] = 0: baselines of the score function."""
