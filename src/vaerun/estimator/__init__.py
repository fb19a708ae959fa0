"""∇ E_q[J(r)] as the gradient of a surrogate: gradient estimators.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``, ``posterior``, ``objective``.
"""
