"""What the operating system gives and can refuse: files, locks, memory, the terminal; and what it says when it refuses.

It may import ``errors`` and ``files`` only; every other room may import it.
"""
