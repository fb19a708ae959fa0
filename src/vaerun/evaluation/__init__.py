"""What inference cost, and what it lost."""
