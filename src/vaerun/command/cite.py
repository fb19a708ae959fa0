"""Print the BibTeX entries of the papers whose methods a run uses.

The entries are those of the references in the documentation of the run's choices (vaerun list shows them); a comment
above each entry names these choices. With KEY=VALUE instead of a run directory, the choices are those of
vaerun train KEY=VALUE.

Examples:
  vaerun cite runs/2026-11-22/10-00-00-000000_amortized_reparam_gaussian_elbo_digits_seed0 > methods.bib
  vaerun cite strategy=semi_amortized posterior=iaf
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vaerun import __version__
from vaerun.command.parser import parse, split_words
from vaerun.command.trained import runs_in
from vaerun.config.admission import check_targets
from vaerun.config.hydra import compose
from vaerun.errors import UserError
from vaerun.experiment.directory import read_config
from vaerun.report.citation import Cited, bibtex, cited


def main(argv: Sequence[str]) -> int:
    """Prints the entries; returns the exit code.

    Raises:
        UserError: a directory is not a run, or a choice does not exist.
    """
    places, settings = split_words(parse("cite", argv).words, lambda key: True)
    if places and settings:
        raise UserError(
            f"vaerun cite takes run directories or KEY=VALUE, got both ({places[0]} and {settings[0]}): leave one out."
        )
    for setting in settings:
        if "," in setting and "[" not in setting:
            raise UserError(f"vaerun cite takes one value for each key, got {setting}: run it once for each value.")
    configs: list[tuple[dict[str, Any], Mapping[str, str]]]
    if places:
        configs = [_read(run) for place in places for run in runs_in(Path(place))]
    else:
        composed, choices = compose(settings)
        configs = [(_plain(composed), choices)]
    papers: dict[str, Cited] = {}
    for config, chosen in configs:
        check_targets(config)
        for paper in cited(config, chosen):
            where = papers[paper.key].choices if paper.key in papers else ()
            papers[paper.key] = Cited(paper.key, tuple(dict.fromkeys((*where, *paper.choices))))
    print(bibtex(list(papers.values()), __version__))
    return 0


def _read(run: Path) -> tuple[dict[str, Any], Mapping[str, str]]:
    config = _plain(read_config(run))
    return config, config.get("choices", {})


def _plain(config: Any) -> dict[str, Any]:
    found = OmegaConf.to_container(config)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
