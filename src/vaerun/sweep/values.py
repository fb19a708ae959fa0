"""What the words of a sweep stand for."""

from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from vaerun.errors import UserError


def refuse_no_value(words: Sequence[Override]) -> None:
    """Refuses a range without a number and a pattern that no name fits: the sweep would have no job.

    Args:
        words: parsed with the loader of the configuration, which knows the names that a pattern stands for.

    Raises:
        UserError: a word stands for no value.
    """
    for word in words:
        if word.is_discrete_sweep() and next(iter(word.sweep_string_iterator()), None) is None:
            key = word.key_or_group
            raise UserError(
                f"a sweep needs at least one value of {key}, but {word.input_line} stands for none: write the values, "
                f"{key}=A,B."
            )
