"""Networks that improve φ by looking at its gradient."""
