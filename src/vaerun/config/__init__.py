"""Configurations: composed by Hydra, checked before torch is imported, errors explained.

It may import ``errors`` and ``notation``: what classes declare is read from their source, or handed in.
"""
