"""Configurations: composed by Hydra, checked before torch is imported, errors explained."""
