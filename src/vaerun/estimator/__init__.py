"""∇ E_q[J(r)] as the gradient of a surrogate."""
