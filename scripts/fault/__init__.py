"""Faults that are made on purpose: kills, flipped bits, full disks; scripts/fault.py runs them."""
