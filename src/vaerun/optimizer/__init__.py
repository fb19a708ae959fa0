"""w ← w + Δw: optimisers of the shared weights θ and λ.

It may import ``config.ranges``, ``execution``, ``nn`` and ``metric``, and of the lecture ``schedule``.
"""
