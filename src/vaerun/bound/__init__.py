"""The bound L(x; θ, φ) and its gradients."""
