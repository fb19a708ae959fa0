"""Networks, their initial weights, activations, bounded scales, normal densities and running averages.

It may import ``errors`` and ``config.ranges``, and no room of the lecture.
"""
