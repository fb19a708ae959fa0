"""Checks whether the choices of a configuration fit together, and finds remedies."""

from collections.abc import Sequence

from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.legality import Parts, clashes
from vaerun.config.part import Part
from vaerun.errors import UserError

SHOWN = 4  # number of remedies of one group in a message


def check_pairs(parts: Parts, catalogue: Catalogue, *, fixed: Sequence[str] = (), chosen: Sequence[str] = ()) -> None:
    """Refuses choices that do not fit together.

    Args:
        parts: the choices, by group.
        catalogue: all options, for the remedies.
        fixed: groups for which no other option is suggested.
        chosen: groups that are chosen on the command line; another option does not change them.

    Raises:
        UserError: it names options that would fit.
    """
    for clash in clashes(parts):
        remedies = [
            *clash.remedies,
            *(offer(parts, group, catalogue, chosen) for group in clash.groups if group not in fixed),
        ]
        free_text = str(parts["estimator"].info.attributes.get("remedy") or "") if "estimator" in clash.groups else ""
        use = f" Use {', or '.join(filter(None, remedies))}." if any(remedies) else ""
        raise UserError(f"{clash.why}.{use}{' ' + free_text if free_text else ''}")


def offer(parts: Parts, group: str, catalogue: Catalogue, chosen: Sequence[str] = ()) -> str:
    """A few options of ``group`` that would fit, as ``group=a, b or c``; empty if there is none.

    If no option fits alone, one that fits together with another estimator.
    """
    names = [option.name for option in legal(parts, group, catalogue, chosen)]
    if len(names) > SHOWN:
        return f"{group}={', '.join(names[:SHOWN])} or another (vaerun list {group})"
    if names:
        return f"{group}={' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}"
    for option in others(parts, group, catalogue):
        helped = legal(swap(parts, option, catalogue, chosen), "estimator", catalogue, chosen)
        if helped:
            return f"{option} with {helped[0]}"
    return ""


def legal(parts: Parts, group: str, catalogue: Catalogue, chosen: Sequence[str] = ()) -> list[Option]:
    """The other options of ``group`` that fit everything else."""
    return [o for o in others(parts, group, catalogue) if not any(clashes(swap(parts, o, catalogue, chosen)))]


def others(parts: Parts, group: str, catalogue: Catalogue) -> list[Option]:
    """The other options of ``group``: the default first, then those with the fewest requirements."""

    def demands(option: Option) -> tuple[bool, int, str]:
        declared = option.info.declared("needs") + option.info.declared("serves") if option.info else ()
        return option.name != catalogue.nouns.get(group), len(declared), option.name

    present = parts[group].option if group in parts else ""
    return sorted((o for name, o in catalogue.groups.get(group, {}).items() if name != present), key=demands)


def swap(parts: Parts, option: Option, catalogue: Catalogue, chosen: Sequence[str] = ()) -> dict[str, Part]:
    """The parts with another option, as Hydra would compose them.

    Choices in other groups that the replaced option had set return to their defaults; those of the new option, and of
    unchanged options for groups inside it, are set. Groups in ``chosen`` stay.
    """
    new = dict(parts)
    present = catalogue.option(option.group, parts[option.group].option if option.group in parts else None)
    for group in [group for group in (present.overrides() if present else ()) if group.strip("/") not in chosen]:
        parent = group.strip("/").rpartition("/")[0]
        holder = catalogue.option(parent, new[parent].option if parent in new else None)
        _put(new, catalogue.option(group.strip("/"), holder.nested().get(group) if holder else None))
    _put(new, option)
    nested = option.nested()
    rest = [part for part in parts.values() if part.group != option.group] if nested else []
    stay = [catalogue.option(part.group, part.option) for part in rest]
    setting = [other.overrides() for other in stay if other]
    set_inside = {g: name for overrides in setting if overrides for g, name in overrides.items() if g in nested}
    for group, name in {**nested, **set_inside, **option.overrides()}.items():
        if group.strip("/") in chosen and group.strip("/") in new:
            continue
        if group.strip("/") in new or group in nested:
            _put(new, catalogue.option(group.strip("/"), name))
    return new


def _put(parts: dict[str, Part], option: Option | None) -> None:
    if option is not None and option.info is not None:
        inside = f"{option.group}/"
        for group in [group for group in parts if group.startswith(inside)]:
            del parts[group]
        parts[option.group] = Part(option.group, option.name, option.info, option.content)
