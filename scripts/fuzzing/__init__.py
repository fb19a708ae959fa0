"""Damaged inputs of five kinds, what reads each of them, and what may come of it."""
