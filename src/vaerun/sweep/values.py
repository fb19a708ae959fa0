"""What the words of a sweep stand for."""

from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from vaerun.errors import UserError


def refuse_lost_jobs(words: Sequence[Override]) -> None:
    """Refuses words that drop what another word asks for: values that are given twice, a pattern without a name.

    Args:
        words: parsed with the loader of the configuration, which knows the names that a pattern stands for.

    Raises:
        UserError: a word stands for no value, or the values of a key are given in two words.
    """
    given: dict[str, Override] = {}
    for word in words:
        first = given.setdefault(word.key_or_group, word)
        if first is not word and (first.is_sweep_override() or word.is_sweep_override()):
            raise UserError(
                f"the values of a key are given once, but this sweep has {first.input_line} and {word.input_line}: "
                "write all values in one word."
            )
        if word.is_discrete_sweep() and next(iter(word.sweep_string_iterator()), None) is None:
            key = word.key_or_group
            raise UserError(
                f"a sweep needs at least one value of {key}, but {word.input_line} stands for none: write the values, "
                f"{key}=A,B."
            )
