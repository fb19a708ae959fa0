"""Refuses data that do not fit the other parts, for a configuration and for objects."""

from collections.abc import Mapping
from typing import Any

import torch

from vaerun.config.catalogue import Catalogue
from vaerun.config.check.pairs import check_pairs
from vaerun.config.check.parts import parts_of
from vaerun.config.class_info import ClassInfo
from vaerun.config.hydra import searched
from vaerun.config.legality import clashes
from vaerun.config.part import Part, parts_of_objects
from vaerun.data.base import DataInfo, Dataset
from vaerun.errors import UserError
from vaerun.strategy.base import Strategy


def refuse_unfit_data(config: Mapping[str, Any], data: DataInfo) -> None:
    """Refuses data outside the support of the likelihood. Only data that have been read show their support.

    Raises:
        UserError: the likelihood is defined on {0, 1} or [0, 1], and the data are not.
    """
    parts = parts_of(config, config.get("choices", {}))
    read = data_part(data)
    parts |= {"data": read._replace(node={**parts["data"].node, **read.node}) if "data" in parts else read}
    if any(clashes(parts)):
        check_pairs(parts, Catalogue(searched()), fixed=("data",))


def refuse_unfit(data: Dataset, strategy: Strategy) -> None:
    """Refuses data outside the support of the likelihood, and dynamic binarisation with a φ_i for each point.

    Raises:
        UserError: two parts do not fit; the message names them.
    """
    bound = strategy.bound
    objects: dict[str, Any] = {
        "posterior": bound.family,
        "model": bound.model,
        "model/prior": bound.model.prior,
        "strategy": strategy,
        "objective": bound.objective,
        "estimator": bound.estimator,
    }
    if hasattr(bound.model, "likelihood"):
        objects["model/likelihood"] = bound.model.likelihood
    if data.missing and not bound.model.missing:
        raise UserError(
            f"values of {data.name} are missing, but {type(bound.model).__name__} is a density of complete points: "
            "make it with missing=True, or leave out the points with missing values."
        )
    for clash in clashes(parts_of_objects(objects) | {"data": data_part(data.info())}):
        raise UserError(f"{clash.why}.")


def refuse_double(strategy: Strategy) -> None:
    """Refuses weights that are not float32, as data and evaluations are.

    Raises:
        UserError: which type they have.
    """
    for weight in strategy.parameters():
        if weight.dtype != torch.float32:
            raise UserError(
                f"the weights must be torch.float32, as the data are, got {weight.dtype}: call "
                "torch.set_default_dtype(torch.float32) before model, family and encoder are made."
            )


def data_part(data: DataInfo) -> Part:
    """Data that have been read as a part: their support is that of their values."""
    rescaled = tuple({column.kind for column in data.columns if column.standardised or column.width})
    noise = any(column.width for column in data.columns)
    attributes = {"support": data.support, "rescaled": rescaled, "columns": len(data.columns)}
    return Part(
        "data", data.name, ClassInfo("", attributes=attributes), {"binarize": data.binarize, "dequantise": noise}
    )
