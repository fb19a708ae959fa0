"""vaerun: a command-line laboratory for variational inference in latent-variable models."""

__version__ = "0.1.0"
