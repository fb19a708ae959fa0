"""Every method's reference leads to BibTeX, and a run cites what it uses."""

from pathlib import Path

import pytest
import yaml

import vaerun
from tests.composition import composed
from vaerun.config.catalogue import Catalogue
from vaerun.config.folders import roots
from vaerun.report.citation import bibtex, cited, entries, keys

SCHEDULES = {"optimizer/schedule=milestones", "optimizer/schedule=plateau"}  # of PyTorch
WEIGHTS = {
    f"{group}/initial_weights=pytorch" for group in ("amortizer", "model", "model/decoder", "posterior")
}  # of PyTorch
WITHOUT_PAPER = {"data=arrays", "data=images", "data=torch_dataset", *SCHEDULES, *WEIGHTS}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Kingma, Welling 2014, Auto-encoding variational Bayes, §3.", ["kingma2014"]),
        ("Dempster, Laird, Rubin 1977 (EM, 1 step); Hoffman et al. 2013.", ["dempster1977", "hoffman2013"]),
        ("Tipping & Bishop 1999, PPCA; given z: van den Oord, Kavukcuoglu 2016.", ["tipping1999", "vandenoord2016"]),
        ("Martí 2003, Starts (with Jang 2017; there); Loaiza-Ganem 2019.", ["marti2003", "loaizaganem2019"]),
        ("NumPy's file formats.", []),
    ],
)  # fmt: skip
def test_a_reference_is_read_as_first_author_and_year(reference: str, found: list[str]) -> None:
    assert list(keys(reference)) == found


def test_every_reference_of_an_option_has_an_entry_and_every_entry_a_reference() -> None:
    options = [option for group in Catalogue(roots()[:1]).groups.values() for option in group.values()]
    named = {str(o): list(keys(o.info.reference)) for o in options if o.info and o.info.reference}
    assert {option for option, papers in named.items() if not papers} <= WITHOUT_PAPER
    assert {paper for papers in named.values() for paper in papers} == entries().keys()


def test_a_run_cites_what_it_uses_and_says_for_which_choice() -> None:
    config, choices = composed(["strategy=coordinate", "posterior=iaf"])
    papers = {paper.key: paper.choices for paper in cited(dict(config), choices)}
    assert "posterior=iaf" in papers["kingma2016"]
    assert "strategy=coordinate" in papers["jordan1999"]
    assert all("amortizer=mlp" not in where for where in papers.values())  # coordinate ascent has no encoder
    text = bibtex(cited(dict(config), choices), "9.9")
    assert "version = {9.9}" in text
    assert text.index("% posterior=iaf") < text.index("@inproceedings{kingma2016,")


def test_the_citation_file_has_the_title_and_version_that_are_printed() -> None:
    file = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    printed = bibtex([], vaerun.__version__)
    assert f"version = {{{file['version']}}}" in printed
    assert file["title"].lower() in printed.lower()
    assert file["authors"][0]["name"] in printed
