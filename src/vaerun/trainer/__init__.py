"""The loop, and what it keeps: progress, checkpoints, the means of what the steps report."""
