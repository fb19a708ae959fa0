"""J(r_1, …, r_K): bounds on log p(x) as functions of K rewards.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``.
"""
