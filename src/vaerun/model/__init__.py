"""p_θ(x, z): generative models.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``.
"""
