"""The packages of the wheel: all below src, and conf, which is mapped to vaerun.conf in pyproject.toml."""

from setuptools import find_packages, setup

setup(packages=[*find_packages("src"), "vaerun.conf"])
