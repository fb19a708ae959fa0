"""Faults and attacks: nothing is lost, nobody is let in."""
