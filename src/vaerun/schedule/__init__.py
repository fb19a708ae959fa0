"""t ↦ value(t): annealed scalars.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and no other room of the lecture.
"""
