"""φ_0 = f_λ(x) ↦ φ_T and the objective of λ: how an encoder is trained when its output is refined."""
