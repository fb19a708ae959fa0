"""Claims of every method, checked on the user's machine against problems with exact answers."""
