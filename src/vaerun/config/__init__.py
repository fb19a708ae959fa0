"""Configuration: composition by Hydra, checks before torch is imported, and explanations of errors.

It may import ``errors``.
"""
