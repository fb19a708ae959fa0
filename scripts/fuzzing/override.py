"""Words of a command line, composed and checked as ``vaerun train`` does."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzzing.kind import Kind, refused
from fuzzing.mutation import WORDS

PREFIXES = ("", "", "", "", "", "+", "++", "~", "--")


class Overrides(Kind):
    """KEY=VALUE and GROUP=OPTION, through ``vaerun.experiment.option.composed``."""

    name = "overrides"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """A list of words."""
        from vaerun.config import hydra
        from vaerun.config.catalogue import Catalogue

        catalogue = Catalogue(hydra.roots())
        groups = {str(group): [str(name) for name in options] for group, options in catalogue.groups.items()}
        chosen = st.sampled_from([f"{group}={name}" for group, names in groups.items() for name in names])
        known = st.one_of(st.sampled_from(sorted(catalogue.written())), st.sampled_from(sorted(groups)))
        key = st.one_of(known, known, known, st.text(max_size=8))
        value = st.one_of(
            st.sampled_from(WORDS), st.integers().map(str), st.floats().map(str), st.text(max_size=12), st.just("a,b")
        )
        pair = st.builds(lambda k, v: f"{k}={v}", key, value)
        word = st.one_of(chosen, pair, pair, st.text(max_size=12))
        prefixed = st.builds(lambda prefix, each: prefix + each, st.sampled_from(PREFIXES), word)
        return st.lists(prefixed, min_size=1, max_size=3)

    def read(self, given: Any, folder: Path) -> None:
        """Composes and checks the configuration."""
        from vaerun.errors import UserError
        from vaerun.experiment.option import composed

        try:
            composed(given)
        except UserError as error:
            raise refused(error) from error
