"""Execution of programs: engines, device, threads, random state, memory.

It may import ``errors`` and ``config.ranges``, and no room of the lecture.
"""
