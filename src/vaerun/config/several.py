"""Groups of which a run can have several options at the same time, as in ``tracking=[tensorboard,csv]``.

The YAML file of such an option begins with ``# @package GROUP.OPTION``, so that each option has a node of its own.
"""

SEVERAL = ("tracking",)


def home(group: str) -> str:
    """The group of a node: ``tracking`` for the node ``tracking/csv``, and the node's own name elsewhere."""
    parent = group.rpartition("/")[0]
    return parent if parent in SEVERAL else group
