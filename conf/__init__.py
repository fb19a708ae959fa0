"""The configuration groups, shipped with the package as ``vaerun.conf``."""
