"""φ_i of single points: the table Φ, per-point optimisers, and the solver for argmax_φ L(x; θ, φ).

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``, ``objective``, ``estimator``, ``amortizer``, ``bound``.
"""
