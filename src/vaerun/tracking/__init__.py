"""Where a run's numbers, pictures and words go: the terminal, a file of lines, TensorBoard."""
