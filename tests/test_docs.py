"""The pages of docs do what they say: every Python block of a page is run, in order, in a folder of its own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vaerun.config.catalogue import Catalogue
from vaerun.config.hydra import roots

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"
# A block whose first line names a file is that file, and is not run.
BLOCK = re.compile(r"^```python\n(?!# \S+\.py\n)(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [path.name for path in sorted(DOCS.glob("*.md")) if BLOCK.search(path.read_text())]


def script(page: str) -> str:
    """The page with all that is no Python left blank, so that an error has the line number of the page."""
    kept = "\n" * page.count("\n")
    lines = kept.split("\n")
    for block in BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def test_there_is_a_page_to_run() -> None:
    assert "python.md" in PAGES


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_python_of_a_page_runs(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(script((DOCS / name).read_text()))
    ran = subprocess.run(
        [sys.executable, "-W", "error", name], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


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
