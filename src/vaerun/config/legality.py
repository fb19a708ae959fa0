"""Which choices can be combined: one set of rules for configurations and for objects.

The rules use only what classes declare, so they hold for new classes without a change. A rule is skipped if one of its
parts is missing, because objects that are combined by hand may be fewer than those of a run.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from vaerun.config.class_info import ClassInfo
from vaerun.config.part import Part

Parts = Mapping[str, Part]

FITS = {
    "binary": ("binary",),
    "unit": ("binary", "unit"),
    "count": ("binary", "count"),
    "real": ("binary", "unit", "count", "real"),
    "mixed": ("binary", "unit", "count", "real", "mixed"),
}
"""For each support of a likelihood, the supports of data that it accepts."""

SETS = {
    "binary": "{0, 1}",
    "unit": "[0, 1]",
    "count": "{0, 1, 2, …}",
    "real": "the real numbers",
    "mixed": "columns of several types",
}
"""The supports of x in words."""

CAPABILITIES = {
    "Reparameterized": ("a reparameterized posterior", "has no differentiable sampler"),
    "Relaxable": ("a posterior with a continuous relaxation of all z at once", "has none"),
    "LayeredRelaxable": ("a posterior with a continuous relaxation", "has none"),
    "Enumerable": ("a posterior over a finite set", "takes infinitely many values"),
    "ClosedFormKL": ("a posterior with a closed-form KL", "has none"),
    "Stratified": ("a mixture posterior", "is not one"),
    "ClosedFormMean": ("a posterior with a closed-form mean", "has none"),
    "KnownScore": ("a posterior with a closed-form score", "has none"),
    "IndependentBernoulli": ("a posterior of independent bits", "is not one"),
}
"""Capabilities in words: what is needed, and what is missing. Other capabilities are called by their class name."""

DEMANDS = {"sample": "cannot be sampled", "log_prob": "has no density that can be evaluated (an implicit q)"}
"""What is wrong with a q that does not define one of the two methods."""

OBJECTIVES = {"Average": "objectives that average the rewards", "IWAE": "the importance-weighted bound"}
"""Classes of objectives in words."""


class Clash(NamedTuple):
    """Why choices cannot be combined, the groups in which another choice would help, and other remedies."""

    why: str
    groups: tuple[str, ...]
    remedies: tuple[str, ...] = ()


def clashes(parts: Parts) -> Iterator[Clash]:
    """All violated rules, the most fundamental first.

    Args:
        parts: by group, from ``vaerun.config.check.parts`` or ``parts_of_objects``.
    """
    for rule in RULES:
        yield from rule(parts)


def _demands(parts: Parts) -> Iterator[Clash]:
    """q must define sampling and its density, because r(z) needs both."""
    for posterior, q in _posterior(parts):
        for method, demand in DEMANDS.items():
            if method in q.abstract:
                why = f"{posterior} {demand}, because {q.name} does not define {method}"
                yield Clash(f"{why}; every bound needs both samples of q and log q", ("posterior",))


def _support(parts: Parts) -> Iterator[Clash]:
    """Posterior, model and prior must be over the same z; a model that accepts any z declares no support."""
    chosen = [parts[group] for group in ("posterior", "model", "model/prior") if group in parts]
    declared = [(part, kind) for part in chosen if isinstance(kind := part.info.attributes.get("support"), str)]
    for (one, here), (other, there) in combinations(declared, 2):
        if here != there:
            yield Clash(f"{one} is over {here} z, but {other} is over {there} z", (one.group, other.group))


def _blocks(parts: Parts) -> Iterator[Clash]:
    """Posterior and prior must divide z into the same one-hot blocks."""
    chosen = [parts[group] for group in ("posterior", "model/prior") if group in parts]
    sizes = [part.node.get("num_classes", part.info.attributes.get("block")) for part in chosen]
    # In a catalogue, sizes may be unresolved references to other keys.
    if len(sizes) == 2 and all(isinstance(size, int) for size in sizes) and sizes[0] != sizes[1]:
        why = (
            f"posterior.num_classes={sizes[0]} and model.prior.num_classes={sizes[1]} must be equal, because both are "
            f"over the same blocks of z: set the first and leave the second out"
        )
        yield Clash(why, ())


def _capability(parts: Parts) -> Iterator[Clash]:
    """The posterior must have the capabilities that the estimator and its nested options need."""
    asking = [part for part in parts.values() if part.group.partition("/")[0] == "estimator"]
    for posterior, q in _posterior(parts):
        for part in asking:
            for need in part.info.classes("needs"):
                if need.target not in q.ancestry:
                    wanted, lack = CAPABILITIES.get(need.name, (f"a posterior that is {need.name}", "is not"))
                    yield Clash(f"{part} needs {wanted}, but {posterior} {lack}", (part.group, "posterior"))


def _serves(parts: Parts) -> Iterator[Clash]:
    """The objective must be one that the estimator is valid for."""
    estimator, objective = parts["estimator"], parts["objective"]
    served = estimator.info.classes("serves")
    if served and not {kind.target for kind in served} & set(objective.info.ancestry):
        wanted = " and ".join(OBJECTIVES.get(kind.name, kind.name) for kind in served)
        yield Clash(f"{estimator} is valid for {wanted} only, not for {objective}", ("estimator", "objective"))


def _closed_form(parts: Parts) -> Iterator[Clash]:
    """A closed form needed by the estimator must exist for the prior: the posterior's class lists its priors."""
    estimator, prior = parts["estimator"], parts.get("model/prior")
    if prior is None:
        return
    for posterior, q in _posterior(parts):
        for need in estimator.info.classes("needs"):
            # A capability class only annotates closed_form_with; a need with a value is not such a class.
            if need.attributes.get("closed_form_with", need) is not None or need.target not in q.ancestry:
                continue
            kinds = {*prior.info.ancestry, *(name for kind in prior.info.classes("density") for name in kind.ancestry)}
            if not set(q.declared("closed_form_with")) & kinds:
                why = f"{estimator} needs KL(q ‖ p(z)) in closed form, which {posterior} does not have with {prior}"
                yield Clash(why, ("estimator", "model/prior"))


def _per_point(parts: Parts) -> Iterator[Clash]:
    """A strategy with one φ_i per point needs fixed points, not dynamic binarisation or noise at each visit."""
    strategy, data = parts.get("strategy"), parts.get("data")
    if strategy is None or data is None:
        return
    if strategy.info.attributes.get("per_point") and data.node.get("binarize") == "dynamic":
        why = f"{strategy} stores one φ for each data point, but data.binarize=dynamic draws new pixels at each visit"
        yield Clash(why, ("strategy",), ("data.binarize=static",))
    if strategy.info.attributes.get("per_point") and data.node.get("dequantise"):
        why = f"{strategy} stores one φ for each data point, but data.dequantise=true draws new noise at each visit"
        yield Clash(why, ("strategy",), ("data.dequantise=false",))


def _data_support(parts: Parts) -> Iterator[Clash]:
    """The values of the data must be in the support of the likelihood, if the source declares them."""
    data, likelihood = parts.get("data"), parts.get("model/likelihood", parts["model"])
    if data is None:
        return
    allowed, held = likelihood.info.attributes.get("data_support"), data.info.attributes.get("support")
    untouched = data.node.get("binarize", "none") == "none"
    if untouched and allowed in FITS and held in FITS and held not in FITS[str(allowed)]:
        can_be = "binarize" in data.node and held == "unit"
        has = f"has {'' if held == 'mixed' else 'values in '}{SETS[str(held)]}"
        why = f"{likelihood} is a distribution over {SETS[str(allowed)]}, but {data} {has}"
        layers = allowed == "count" and data.node.get("layer", "") is None  # X of an h5ad file is often normalised
        remedies = ["data.binarize=static"] * can_be + ["data.layer=NAME of the layer with counts"] * layers
        yield Clash(why, (likelihood.group, "data"), tuple(remedies))


def _columns(parts: Parts) -> Iterator[Clash]:
    """A likelihood must know the change of volume of columns that are standardised or have noise, and their types."""
    data, likelihood = parts.get("data"), parts.get("model/likelihood", parts["model"])
    if data is None:
        return
    kinds, taken = (part.info.attributes.get(name) for part, name in ((data, "rescaled"), (likelihood, "kinds")))
    over = likelihood.info.attributes.get("data_support")
    if not isinstance(kinds, tuple) or over not in ("real", "mixed"):
        return
    if over == "mixed" and not data.info.attributes.get("columns"):
        yield Clash(f"{likelihood} needs columns with types, but {data} declares none", (likelihood.group,))
    if not set(kinds) <= set(taken if isinstance(taken, tuple) else ()):
        why = (
            f"{likelihood} does not account for standardised columns or added noise, so its bound would not be in nats "
            f"of the data as given"
        )
        yield Clash(why, (likelihood.group,), ("data.standardise=false data.dequantise=false",))


RULES: tuple[Callable[[Parts], Iterator[Clash]], ...] = (
    _demands,
    _support,
    _blocks,
    _capability,
    _serves,
    _closed_form,
    _per_point,
    _data_support,
    _columns,
)


def _posterior(parts: Parts) -> Iterator[tuple[Part, ClassInfo]]:
    """The chosen family and the class of its q, if it can be found."""
    for q in parts["posterior"].info.classes("posterior"):
        if q.ancestry:
            yield parts["posterior"], q
