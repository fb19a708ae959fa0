"""How a function of tensors is executed: operation by operation, or as one compiled program."""
