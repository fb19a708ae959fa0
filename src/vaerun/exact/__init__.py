"""Exact sums, integrals and closed forms, which estimates are compared with."""
