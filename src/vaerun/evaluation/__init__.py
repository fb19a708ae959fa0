"""Evaluations of a trained run: bounds, gaps, marginal likelihood, gradients, latents.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``.
"""
