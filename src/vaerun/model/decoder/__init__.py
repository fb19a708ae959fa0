"""z ↦ outputs: decoders."""
