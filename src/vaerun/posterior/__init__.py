"""q(z; φ): families of variational posteriors."""
