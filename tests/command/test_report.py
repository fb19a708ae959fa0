"""vaerun report, from the words typed to the page."""

import json
import subprocess
import sys

import pytest

from tests.report.fabricate import records, seeds
from tests.runs import train
from vaerun import cli

pytestmark = pytest.mark.slow


@pytest.fixture
def vaerun(tmp_path, monkeypatch, capsys):
    """(exit code, stdout, stderr) of a command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setenv("VAERUN_TRACEBACK", "")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")
        return cli.dispatch(["report", *words]), *capsys.readouterr()

    return call


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    seeds(root, "amortized", [-27.0, -27.1])
    seeds(root, "joint", [-28.0, -28.1])
    return root


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_page_is_below_the_root_and_its_path_is_all_that_is_printed(vaerun, runs, tmp_path):
    pytest.importorskip("matplotlib")
    before = listing(tmp_path)
    assert vaerun("runs") == (0, "runs/report/index.html\n", "")
    new = set(listing(tmp_path)) - set(before)
    assert {path.split("/")[1] for path in new} == {"report"}
    page = (runs / "report/index.html").read_text()
    assert vaerun("runs", "--out=runs/report") == (0, "runs/report/index.html\n", "")  # which is no run itself
    assert (runs / "report/index.html").read_text() == page
    assert set(listing(tmp_path)) - set(before) == new


def test_flags_are_those_of_compare(vaerun, runs, tmp_path):
    pytest.importorskip("matplotlib")
    for path in runs.glob("*/metrics.jsonl"):
        path.write_text("".join(json.dumps(one) + "\n" for one in records([-30.0, -29.0, -28.0])))
    words = ("--at", "steps=25", "--columns", "elbo,steps", "--out", "elsewhere/page", "--sort=elbo", "--mixed")
    assert vaerun("runs", *words)[:2] == (0, "elsewhere/page/index.html\n")
    text = (tmp_path / "elsewhere/page/index.html").read_text()
    assert "compared at 25 steps" in text
    assert text.count('<th scope="col">read at') == 1
    assert "test ELBO" not in text
    assert not (runs / "report").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs a directory"),
        (["nowhere"], "nowhere is not a directory"),
        (["empty"], "there is no run at or below empty"),
        (["runs", "--ou", "x"], "Did you mean '--out'?"),
        (["runs", "--out"], "--out needs a value, such as --out FOLDER"),
        (["runs", "--json"], "vaerun report has no flag --json"),
        (["runs", "runs/joint_0"], "choose the folder with --out"),
        (["runs/joint_0", "--out", "runs/joint_0"], "is a run directory"),
        (["runs", "--at", "step=1"], "Did you mean 'steps'?"),
    ],
)
def test_a_users_error_is_one_sentence_and_exit_code_2(vaerun, runs, tmp_path, words, said):
    pytest.importorskip("matplotlib")
    (tmp_path / "empty").mkdir()
    before = listing(tmp_path)
    code, out, err = vaerun(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert listing(tmp_path) == before


def test_without_matplotlib_it_names_the_extra_and_writes_nothing(vaerun, runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    before = listing(tmp_path)
    code, out, err = vaerun("runs")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'vaerun[report]'" in err
    assert listing(tmp_path) == before


def test_it_needs_no_torch_and_draws_without_a_display(runs):
    pytest.importorskip("matplotlib")
    code = (
        f"import sys; from vaerun import cli; code = cli.dispatch(['report', {str(runs)!r}]); "
        "print(code, [name for name in ('torch', 'hydra', 'tensorflow', 'matplotlib.pyplot') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_real_runs_have_curves_and_pictures(vaerun, tmp_path):
    pytest.importorskip("matplotlib")
    for strategy in ("amortized", "joint"):
        for seed in (0, 1):
            train(
                tmp_path / f"real/{strategy}_{seed}",
                f"strategy={strategy}",
                f"seed={seed}",
                "trainer.records.images_every=3",
            )
    assert vaerun("real")[0] == 0
    text = (tmp_path / "real/report/index.html").read_text()
    assert text.count("data:image/png;base64,") == 4
    assert {path.name for path in (tmp_path / "real/report/figures").glob("*.svg")} == {
        "elbo_test.svg",
        *(f"latents_{row}.svg" for row in (1, 2)),
        *(f"elbo_valid_{cost}.svg" for cost in ("steps", "seconds", "decoder_evaluations")),
    }
