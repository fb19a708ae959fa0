"""Configurations: composition by Hydra, checks before torch is imported, and error messages.

It may import ``errors``, ``files`` and ``notation``: what classes declare is read from their source, or passed as an
argument.
"""
