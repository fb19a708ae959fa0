"""What an optimiser of the shared weights is."""

from typing import Any, Protocol


class Optimizer(Protocol):
    """Moves weights against their gradients. Every optimiser of torch.optim is one, and can be named in a YAML file.

    ``param_groups`` holds the weights by group, each a dict with the step size as ``lr``, which may be changed between
    two steps. Weights whose ``grad`` is None are passed over.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> object:
        """Moves every weight that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on: tensors and plain values, weights by their place."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from the state of an optimiser of the same weights."""
