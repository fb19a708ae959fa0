"""Comparison of several runs. It reads files only, and imports no torch."""
