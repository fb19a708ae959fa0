"""The words of a sweep, in the form that Hydra can compose."""

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException


def composable(words: Sequence[str]) -> list[str]:
    """The words, with a fixed key below a swept group as a choice of one value.

    Hydra composes fixed keys once with the defaults of the swept groups, which may not have such a key:
    ``objective.kl_weight.epochs=5`` beside ``objective/kl_weight=linear,cyclic``.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(words))
    except OverrideParseException:
        return list(words)  # Hydra will say what is wrong
    swept = [f"{one.key_or_group.replace('/', '.')}." for one in parsed if one.is_sweep_override()]
    return [
        f"{one.get_key_element()}=choice({one.get_value_element_as_str()})"
        if one.key_or_group.startswith(tuple(swept)) and not one.is_sweep_override() and not one.is_delete()
        else word
        for one, word in zip(parsed, words, strict=True)
    ]
