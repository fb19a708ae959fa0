"""Data sets: published files, a user's own arrays, and simulations with known log p(x).

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``.
"""
