"""max over θ and φ or λ of Σ_i L(x_i; θ, φ_i): inference strategies.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``, ``objective``, ``estimator``, ``amortizer``, ``bound``, ``local``.
"""
