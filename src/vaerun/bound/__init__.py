"""L(x; θ, φ) = E_q[J(r)]: the bound and its gradients.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``, ``objective``, ``estimator``, ``amortizer``.
"""
