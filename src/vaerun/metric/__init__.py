"""Metrics: name, meaning and unit of a reported value, and its confidence interval.

It may import ``errors``, and no room of the lecture.
"""
