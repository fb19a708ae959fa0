"""z ↦ the outputs that a likelihood reads."""
