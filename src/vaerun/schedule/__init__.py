"""Annealed scalars: values that change as training goes on."""
