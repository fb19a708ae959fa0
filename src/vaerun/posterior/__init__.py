"""φ ↦ q(z; φ): families of variational posteriors.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``, ``optimizer``,
``data``, ``model``.
"""
