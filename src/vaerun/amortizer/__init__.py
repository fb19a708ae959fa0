"""f_λ: x ↦ φ, encoders for amortized inference.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``, ``objective``, ``estimator``.
"""
