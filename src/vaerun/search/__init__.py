"""Sweeps that choose their next jobs by the results so far: the search for the best values, and races.

It may import ``sweep`` and the rooms that ``sweep`` may import.
"""
