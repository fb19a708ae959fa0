"""Pairs of choices against what their classes declare. No rule knows a name, so a new class is covered unasked."""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.check.parts import Part
from vaerun.config.class_info import ClassInfo, class_info
from vaerun.errors import UserError

Parts = Mapping[str, Part]

FITS = {"binary": ("binary",), "unit": ("binary", "unit"), "real": ("binary", "unit", "real")}
"""What a likelihood on some support can be given."""

SPOKEN = {
    "Reparameterized": ("a reparameterized posterior", "has no differentiable sampler"),
    "Relaxable": ("a posterior with a continuous relaxation", "has none"),
    "Enumerable": ("a posterior over a finite set", "has values without number"),
    "ClosedFormKL": ("a posterior with a closed-form KL", "has none"),
    "Stratified": ("a mixture posterior", "is none"),
    "ClosedFormMean": ("a posterior whose mean is known", "has none in closed form"),
    "KnownScore": ("a posterior with a closed-form score", "has none"),
    "IndependentBernoulli": ("a posterior of independent bits", "is none"),
}
"""How a sentence says a capability and its absence; any other is called by its name."""

SHOWN = 4  # remedies of one group in a sentence

DEMANDS = {"sample": "cannot be sampled", "log_prob": "has no density that can be evaluated (an implicit q)"}
"""What a q lacks that does not define one of a posterior's two methods."""

SPOKEN_OBJECTIVES = {"Average": "objectives that average the rewards", "IWAE": "the importance-weighted bound"}
"""How a sentence says an objective's class."""


class Clash(NamedTuple):
    """Why a choice cannot work, and the groups in which another choice would help."""

    why: str
    groups: tuple[str, ...]
    remedies: tuple[str, ...] = ()


def check_pairs(parts: Parts, catalogue: Catalogue) -> None:
    """Refuses choices that do not fit together.

    Raises:
        UserError: with the remedies that the options on offer allow.
    """
    for clash in clashes(parts):
        remedies = [*clash.remedies, *(offer(parts, group, catalogue) for group in clash.groups)]
        free_text = str(parts["estimator"].info.attributes.get("remedy") or "") if "estimator" in clash.groups else ""
        use = f" Use {', or '.join(filter(None, remedies))}." if any(remedies) else ""
        raise UserError(f"{clash.why}.{use}{' ' + free_text if free_text else ''}")


def clashes(parts: Parts) -> Iterator[Clash]:
    """Everything that does not fit, the most fundamental first."""
    for rule in RULES:
        yield from rule(parts)


def offer(parts: Parts, group: str, catalogue: Catalogue) -> str:
    """The options of ``group`` that would help, ``group=a, b or c``, few of them; empty where there is none.

    Where no option helps by itself, one that does with another estimator.
    """
    names = [option.name for option in legal(parts, group, catalogue)]
    if len(names) > SHOWN:
        return f"{group}={', '.join(names[:SHOWN])} or another (vaerun list {group})"
    if names:
        return f"{group}={' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}"
    for option in others(parts, group, catalogue):
        helped = legal(swap(parts, option, catalogue), "estimator", catalogue)
        if helped:
            return f"{option} with {helped[0]}"
    return ""


def legal(parts: Parts, group: str, catalogue: Catalogue) -> list[Option]:
    """The other options of ``group`` that fit everything else."""
    return [o for o in others(parts, group, catalogue) if not any(clashes(swap(parts, o, catalogue)))]


def others(parts: Parts, group: str, catalogue: Catalogue) -> list[Option]:
    """The options of ``group`` but the chosen one: the default first, then those that ask least of other choices."""

    def demands(option: Option) -> tuple[bool, int, str]:
        declared = option.info.declared("needs") + option.info.declared("serves") if option.info else ()
        return option.name != catalogue.nouns.get(group), len(declared), option.name

    present = parts[group].option if group in parts else ""
    return sorted((o for name, o in catalogue.groups.get(group, {}).items() if name != present), key=demands)


def swap(parts: Parts, option: Option, catalogue: Catalogue) -> dict[str, Part]:
    """The parts with another option, as Hydra would compose them.

    What the replaced option had set in other groups goes back to its default; what the new one sets there is set, and
    so is what the options that stay set inside the new one.
    """
    new = dict(parts)
    present = catalogue.option(option.group, parts[option.group].option if option.group in parts else None)
    for group in present.overrides() if present is not None else ():
        parent = group.strip("/").rpartition("/")[0]
        holder = catalogue.option(parent, new[parent].option if parent in new else None)
        _put(new, catalogue.option(group.strip("/"), holder.nested().get(group) if holder else None))
    _put(new, option)
    stay = [catalogue.option(part.group, part.option) for part in parts.values() if part.group != option.group]
    set_inside = {g: name for other in stay if other for g, name in other.overrides().items() if g in option.nested()}
    for group, name in {**option.nested(), **set_inside, **option.overrides()}.items():
        if group.strip("/") in new or group in option.nested():
            _put(new, catalogue.option(group.strip("/"), name))
    return new


def _put(parts: dict[str, Part], option: Option | None) -> None:
    if option is not None and option.info is not None:
        for group in [group for group in parts if group.startswith(f"{option.group}/")]:
            del parts[group]
        parts[option.group] = Part(option.group, option.name, option.info, option.content)


def _demands(parts: Parts) -> Iterator[Clash]:
    """q must be easy to sample, and its density easy to evaluate: without either there is no r(z)."""
    posterior = parts["posterior"]
    q = _class(posterior, "posterior")
    for method, demand in DEMANDS.items():
        if q is not None and method in q.abstract:
            yield Clash(f"{posterior} {demand}, and every bound needs both samples of q and log q", ("posterior",))


def _capability(parts: Parts) -> Iterator[Clash]:
    """An estimator, and what is chosen inside it, asks capabilities of the posterior's class."""
    posterior = parts["posterior"]
    q = _class(posterior, "posterior")
    for part in parts.values():
        if part.group.partition("/")[0] != "estimator":
            continue
        for need in part.info.declared("needs"):
            if q is not None and need not in q.ancestry:
                name = need.rpartition(".")[2]
                wanted, lack = SPOKEN.get(name, (f"a posterior that is {name}", "is not"))
                yield Clash(f"{part} needs {wanted}, but {posterior} {lack}", (part.group, "posterior"))


def _closed_form(parts: Parts) -> Iterator[Clash]:
    """A capability may hold for some priors only: those that the posterior's class lists."""
    estimator, posterior, prior = parts["estimator"], parts["posterior"], parts.get("model/prior")
    q = _class(posterior, "posterior")
    if q is None or prior is None:
        return
    for need in estimator.info.declared("needs"):
        # The capability only announces the attribute; a concrete class, which has a value for it, is asked for itself.
        if class_info(need).attributes.get("closed_form_with", need) is not None or need not in q.ancestry:
            continue
        if not set(q.declared("closed_form_with")) & set(prior.info.ancestry):
            why = f"{estimator} needs a closed form between posterior and prior, but {posterior} has none with {prior}"
            yield Clash(why, ("estimator", "model/prior"))


def _serves(parts: Parts) -> Iterator[Clash]:
    """An estimator is valid for some objectives only."""
    estimator, objective = parts["estimator"], parts["objective"]
    served = estimator.info.declared("serves")
    if served and not set(served) & set(objective.info.ancestry):
        names = [name.rpartition(".")[2] for name in served]
        wanted = " and ".join(SPOKEN_OBJECTIVES.get(name, name) for name in names)
        why = f"{estimator} is valid for {wanted} alone, but {objective} is another"
        yield Clash(why, ("estimator", "objective"))


def _support(parts: Parts) -> Iterator[Clash]:
    """Posterior, model and prior are over the same z; a model that takes any z leaves the word to its prior."""
    chosen = [parts[group] for group in ("posterior", "model", "model/prior") if group in parts]
    declared = [(part, kind) for part in chosen if (kind := part.info.attributes.get("support"))]
    for (one, here), (other, there) in combinations(declared, 2):
        if here != there:
            yield Clash(f"{one} is over {here} z, but {other} is over {there} z", (one.group, other.group))


def _per_point(parts: Parts) -> Iterator[Clash]:
    """A φ of one's own needs an x that stays."""
    strategy, data = parts["strategy"], parts["data"]
    if strategy.info.attributes.get("per_point") and data.node.get("binarize") == "dynamic":
        why = f"{strategy} keeps one φ for each data point, but data.binarize=dynamic redraws the point at each visit"
        yield Clash(why, ("strategy",), ("data.binarize=static",))


def _data_support(parts: Parts) -> Iterator[Clash]:
    """Grey or real data under a likelihood over fewer values, as far as the source declares what it holds."""
    data, likelihood = parts["data"], parts.get("model/likelihood", parts["model"])
    allowed, held = likelihood.info.attributes.get("data_support"), data.info.attributes.get("support")
    untouched = data.node.get("binarize", "none") == "none"
    if untouched and allowed in FITS and held in FITS and held not in FITS[str(allowed)]:
        why = f"{likelihood} is a distribution over {allowed} x, but {data} is {held} unless it is binarised"
        yield Clash(why, (likelihood.group, "data"), ("data.binarize=static",) if "binarize" in data.node else ())


RULES: tuple[Callable[[Parts], Iterator[Clash]], ...] = (
    _demands,
    _support,
    _capability,
    _serves,
    _closed_form,
    _per_point,
    _data_support,
)


def _class(part: Part, attribute: str) -> ClassInfo | None:
    """The facts of the class that an attribute of ``part`` names."""
    named = part.info.attributes.get(attribute)
    try:
        return class_info(named) if isinstance(named, str) else None
    except LookupError:
        return None
