"""BibTeX of the papers whose methods a configuration uses, from the references in the docstrings of its classes."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

from vaerun.config.check.effect import unasked
from vaerun.config.check.parts import parts_of

OWN = """@software{vaerun,
  author = {{The vaerun authors}},
  title = {vaerun: a Command-Line Laboratory for Variational Inference in Latent-Variable Models},
  version = {VERSION}
}"""

YEAR = re.compile(r"(?:19|20)\d\d")
FIRST = re.compile(r"^(.*?)(?: et al\.|,| &|$)")
"""The first author among the authors of a citation."""


class Cited(NamedTuple):
    """A paper, and the choices of a configuration that use it."""

    key: str  # of BibTeX: the surname of the first author and the year
    choices: tuple[str, ...]  # such as ``posterior=iaf``


def cited(config: Mapping[str, Any], choices: Mapping[str, str]) -> list[Cited]:
    """The papers of the choices that a configuration uses, in the order in which it names them.

    Args:
        config: plain values.
        choices: the option of each group.
    """
    found: dict[str, list[str]] = {}
    parts = parts_of(config, choices)
    unused = unasked(parts)
    for group, part in parts.items():
        if group.partition("/")[0] in unused:
            continue
        for key in keys(part.info.reference):
            found.setdefault(key, []).append(f"{group}={part.option}")
    return [Cited(key, tuple(where)) for key, where in found.items()]


def keys(reference: str) -> Iterator[str]:
    """The BibTeX keys of the papers in a reference, such as kingma2014 of "Kingma, Welling 2014, Auto-encoding …"."""
    for citation in re.sub(r"\([^()]*\)", "", reference).split(";"):
        if year := YEAR.search(citation):
            authors = citation[: year.start()].rpartition(": ")[2].strip()  # without words such as "given z: "
            (first,) = FIRST.findall(authors)
            yield plain(first) + year[0]


def plain(name: str) -> str:
    """A surname in small letters without accents, spaces and hyphens."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in decomposed.lower() if letter.isascii() and letter.isalpha())


def entries() -> dict[str, str]:
    """The BibTeX entries of references.bib, by key."""
    text = resources.files("vaerun.report").joinpath("references.bib").read_text(encoding="utf-8")
    return {match[1]: match[0] for match in re.finditer(r"^@\w+\{(\w+),.*?^\}", text, re.DOTALL | re.MULTILINE)}


def bibtex(papers: list[Cited], version: str) -> str:
    """The entry of vaerun and those of the papers, each after a comment with the choices that use it."""
    known = entries()
    own = OWN.replace("VERSION", version)
    return "\n\n".join([own, *(f"% {', '.join(p.choices)}\n{known[p.key]}" for p in papers if p.key in known)])
