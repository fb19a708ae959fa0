"""The pages do what they say: every block of README, CONTRIBUTING and docs is run, in order, in a folder of its own."""

import json
import re
from pathlib import Path

import pytest

from tests import forked, pages
from vaerun.config.catalogue import Catalogue
from vaerun.config.hydra import roots
from vaerun.config.trust import trusting

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"
WHOLE = ("start.md",)
"""Pages of which CI runs the commands, too; of the others it runs the Python, and composes the commands."""

BLOCKS = {name: pages.blocks((TOP / name).read_text()) for name in pages.NAMES}


def run(name: str, folder: Path, *, shell: bool) -> None:
    """Runs a page as a program; vaerun itself warns of what short runs leave undone."""
    script = folder / Path(name).name
    script.write_text(pages.program((TOP / name).read_text(), shell=shell))
    ran = forked.program(script, environment=pages.environment())
    assert ran.returncode == 0, ran.stderr[-5000:]


@pytest.mark.parametrize("name", pages.NAMES)
def test_every_block_says_what_it_is(name: str) -> None:
    page = (TOP / name).read_text()
    assert page.count("```") == 2 * len(BLOCKS[name]), "a block begins and ends in the first column"
    for block in BLOCKS[name]:
        place = f"{name}:{block.line}"
        assert block.language in (*pages.RUN, *pages.SHOWN), place
        assert not (block.reason and block.language in pages.SHOWN), place
        assert block.language != "yaml" or block.file or block.reason, f"{place}: the first line names the file"
    outside = pages.FENCE.sub("", page)
    assert not re.search(r"(?:\A|\n)\n    \S", outside), "an indented block has no language"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, blocks in BLOCKS.items() if any(b.language == "python" for b in blocks)]
)
def test_the_python_of_a_page_runs(name: str, tmp_path: Path) -> None:
    run(name, tmp_path, shell=Path(name).name in WHOLE)


@pytest.mark.slow
@pytest.mark.pages
@pytest.mark.parametrize(
    "name", [name for name, blocks in BLOCKS.items() if any(b.language in pages.RUN for b in blocks)]
)
def test_a_page_runs_as_a_whole(name: str, tmp_path: Path) -> None:
    run(name, tmp_path, shell=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", pages.NAMES)
def test_the_commands_of_a_page_can_work(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaerun.experiment.option import composed

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAERUN_CONF", raising=False)
    for block in BLOCKS[name]:
        if block.file:
            pages.write(block.file, block.text)
    for block in BLOCKS[name]:
        for words in pages.configurations(block):
            with trusting(["mylab", "torchvision"]):
                composed(words)


@pytest.mark.parametrize("name", pages.NAMES)
def test_the_scripts_of_a_page_have_the_options_that_it_gives(name: str) -> None:
    for block in BLOCKS[name]:
        for command in pages.commands(block):
            if found := re.match(r"(?:python )?(scripts/\S+)(.*)", command):
                script = (TOP / found[1]).read_text()
                missing = [
                    flag for flag in re.findall(r" (--[a-z-]+)", found[2].partition("#")[0]) if flag not in script
                ]
                assert not missing, f"{name}:{block.line}: {command}"


def test_the_notebook_is_valid_and_without_outputs() -> None:
    notebook = json.loads((DOCS / "python.ipynb").read_text())
    assert notebook["nbformat"] == 4
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel and its sockets
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(DOCS / "python.ipynb", as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs").is_dir()


@pytest.mark.parametrize("page", [*TOP.glob("*.md"), *DOCS.glob("*.md")], ids=lambda page: page.name)
def test_every_link_to_a_file_leads_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_the_new_keys_of_the_changelog_exist_and_the_old_ones_do_not() -> None:
    catalogue = Catalogue(roots()[:1])
    known = {*catalogue.written(), *(f"{group}={name}" for group, names in catalogue.groups.items() for name in names)}
    renamed = re.findall(r"^  \| `(.+?)` \| `(.+?)` \|$", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert len(renamed) > 15
    assert not [new for _, new in renamed if new not in known]
    assert not [old for old, _ in renamed if old in known]


def test_the_keys_of_the_glossary_exist() -> None:
    catalogue = Catalogue(roots()[:1])
    page = (DOCS / "glossary.md").read_text()
    written = {word.partition("=")[0] for word in re.findall(r"`([a-z_]+[./][a-z_/.]+(?:=\w+)?)`", page)}
    keys = {word for word in written if word.split(".")[0].split("/")[0] in catalogue.nouns}
    assert len(keys) > 15
    known = catalogue.written()
    assert not [key for key in keys if not any(one == key or one.startswith(f"{key}.") for one in known)]
