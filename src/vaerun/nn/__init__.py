"""Networks, activations, bounded scales and running averages."""
