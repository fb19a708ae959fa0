"""The training loop: its settings, what it counts, what watches it, and its checkpoints.

It may import the lecture, ``execution``, ``metric``, ``evaluation`` and ``tracking``.
"""
