"""The papers that scripts/reproduce.py knows: one module for each, with what to run and what to compare."""
