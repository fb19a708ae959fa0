"""The parts of scripts/bench.py: cases, the peers that run them, and what is made of their times."""
