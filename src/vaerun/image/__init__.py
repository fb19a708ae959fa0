"""Images of a trained model: samples, reconstructions, interpolations, traversals.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``.
"""
