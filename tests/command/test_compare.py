"""vaerun compare, from the words typed to what is printed."""

import copy
import csv
import io
import json
import subprocess
import sys

import pytest
import yaml

from tests.report.fabricate import config, evaluation, records, run, seeds, summary
from tests.runs import train
from vaerun import cli


@pytest.fixture
def vaerun(tmp_path, monkeypatch, capsys):
    """(exit code, stdout, stderr) of a command line in an empty folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        monkeypatch.setenv("VAERUN_TRACEBACK", "")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")
        return cli.dispatch(["compare", *words]), *capsys.readouterr()

    return call


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    seeds(root, "amortized", [-27.0, -27.1, -27.2])
    seeds(root, "coordinate", [-26.0, -26.2, -26.4], evaluations=21_000)
    run(root / "bad", config=config(seed=9, strategy="coordinate"), summary={"status": "diverged", "reason": "nan."})
    return root


def test_the_table_fits_the_width_and_ends_with_the_answer(vaerun, runs, monkeypatch):
    for width in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = vaerun("runs")
        assert (code, err) == (0, "")
        table, *_, answer = out.rstrip("\n").split("\n\n")
        assert max(len(line) for line in out.splitlines() if "runs/" not in line) <= width
        assert " ".join(answer.split()) == (
            "coordinate is better than amortized by 0.90 ± 0.56 nat of test ELBO (3 seeds), with 21 times the decoder "
            "evaluations."
        )
    best, rest, other = table.splitlines()[-3:]
    assert best.split()[:8] == ["coordinate", "3", "3", "completed,", "-26.20", "±", "0.50*", "-25.95"]
    assert rest.split() == ["1", "diverged"]
    assert other.split()[:6] == ["amortized", "3", "completed", "-27.10", "±", "0.25"]
    assert "coordinate seed 9, diverged: nan (runs/bad)" in out
    assert "*        better than every other row" in " ".join(out.split("\n")) or width < 80


def test_one_seed_and_a_matched_cost_are_written_for_what_they_are(vaerun, runs):
    seeds(runs, "joint", [-30.0])
    (runs / "amortized_1" / "metrics.jsonl").write_text(
        "".join(json.dumps(one) + "\n" for one in records([-28.0, -27.0, -26.0], every=7))
    )
    out = vaerun("runs", "--columns", "elbo")[1]
    assert "-30.00 (± 0.39)" in out
    assert "x (± h)  one seed, 95 % interval over data points" in out
    out = vaerun("runs", "--columns", "elbo,steps", "--at", "steps=15")[1]
    assert out.splitlines()[0].endswith("read at")
    assert "10 to 14" in out
    assert "at or before 15 steps" in out


def test_json_is_one_document_and_nothing_else(vaerun, runs):
    code, out, err = vaerun("runs", "--json", "--at", "steps=15")
    document = json.loads(out, parse_constant=pytest.fail)
    assert (code, err) == (0, "")
    assert document["at"] == {"cost": "steps", "amount": 15.0}
    best, other = document["rows"]
    assert best["settings"] == {"strategy": "coordinate"}
    assert best["status"] == {"completed": 3, "diverged": 1}
    assert best["values"]["elbo/valid"]["mean"] == pytest.approx(-27.2)
    assert best["values"]["elbo/valid"]["interval"] == "seeds"
    assert (best["values"]["elbo/valid"]["best"], other["values"]["elbo/valid"]["best"]) == (True, False)
    assert {one["metrics"]["steps"] for one in best["runs"] if one["used"]} == {10}
    assert [one["remark"] for one in best["runs"] if not one["used"]] == ["nan.; it has no metrics.jsonl"]
    assert document["answer"].startswith("At 15 steps, coordinate is better than")


def test_csv_has_plain_numbers_and_says_what_an_interval_is_over(vaerun, runs):
    (best, other) = csv.DictReader(io.StringIO(vaerun("runs", "--csv", "--columns=elbo,phi")[1]))
    assert best["configuration"] == "coordinate"
    assert float(best["elbo/test"]) == pytest.approx(-26.2)
    assert float(other["elbo/test:half_width"]) == pytest.approx(0.2484, abs=1e-4)
    assert (other["elbo/test:interval"], other["phi"], len(other)) == ("seeds", "0.0", 9)


def test_markdown_and_latex(vaerun, runs):
    out = vaerun("runs", "--markdown", "--columns", "elbo,phi")[1]
    assert "| configuration | seeds | status | test ELBO (nat) | φ parameters |\n|---|--:|---|--:|--:|\n" in out
    assert "| coordinate | 3 | 3 completed, 1 diverged | **-26.20 ± 0.50** | 0 |" in out
    out = vaerun("runs", "--latex", "--columns", "elbo,decoder_evaluations,phi")[1]
    assert r"amortized & 3 & completed & $-27.10 \pm 0.25$ & $\mathbf{1{,}000}$ & $0$ \\" in out
    assert r"& $\phi$ parameters \\" in out
    rows = [line for line in out.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in rows} == {5}
    assert out.count(r"\begin{tabular}") == out.count(r"\end{tabular}") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs a directory"),
        (["nowhere"], "nowhere is not a directory"),
        (["steps=10"], "write --at steps=10"),
        (["empty"], "there is no run at or below empty"),
        (["runs", "--jsn"], "Did you mean '--json'?"),
        (["runs", "--json", "--csv"], "--csv and --json cannot be used together"),
        (["runs", "--at"], "--at needs a value, such as --at steps=1000."),
        (["runs", "sort=elbo"], "sort=elbo must be written as a flag of vaerun compare: --sort elbo."),
        (["runs", "--mixed=yes"], "--mixed takes no value"),
        (["runs", "--sort", "--json"], "--sort needs a value"),
        (["runs", "--at", "step=1"], "Did you mean 'steps'?"),
        (["runs", "--sort", "ebo"], "Did you mean 'elbo'?"),
        (["runs", "--columns", "elbo,,"], "no run has the metric ''"),
    ],
)
def test_a_users_error_is_one_sentence_and_exit_code_2(vaerun, runs, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    code, out, err = vaerun(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_other_data_are_refused_and_may_be_asked_for(vaerun, runs):
    made = summary(seed=7)
    run(runs / "x", config=config(seed=7), summary=made | {"data": made["data"] | {"binarize": "dynamic"}})
    code, out, err = vaerun("runs")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "binarisation static and dynamic" in err
    assert vaerun("runs", "--mixed")[0] == 0


def test_damaged_and_foreign_directories_end_in_no_traceback(vaerun, runs):
    (runs / "amortized_0" / "summary.json").write_text('{"status": "comp')
    (runs / "amortized_1" / "evaluations.jsonl").write_text("x\n")
    (runs / "coordinate_0" / "metrics.jsonl").write_bytes(b"\xff\x00\n")
    (runs / "theirs").mkdir()
    (runs / "theirs" / "config.yaml").write_text("- a list\n")
    for words in (["runs"], ["runs", "--at", "steps=10"], ["runs", "--json"]):
        code, out, err = vaerun(*words)
        assert code == 0
        assert "amortized" in out
        assert "line 1 of runs/amortized_1/evaluations.jsonl is not an evaluation" in err
        assert "Traceback" not in err


def test_no_torch_and_no_matplotlib(runs):
    code = (
        f"import sys; from vaerun import cli; code = cli.dispatch(['compare', {str(runs)!r}]); "
        "print(code, [name for name in ('torch', 'hydra', 'matplotlib', 'tensorboard') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_two_real_runs(vaerun, tmp_path):
    for seed in (0, 1):
        train(tmp_path / f"real/{seed}", f"seed={seed}")
    document = json.loads(vaerun("real", "--json")[1])
    (row,) = document["rows"]
    assert (row["name"], row["seeds"], row["status"]) == ("amortized", 2, {"completed": 2})
    ends = [json.loads((tmp_path / f"real/{seed}/summary.json").read_text()) for seed in (0, 1)]
    assert row["values"]["elbo/test"]["mean"] == pytest.approx(sum(end["metrics"]["elbo/test"] for end in ends) / 2)
    assert row["values"]["lam"] == {
        **dict.fromkeys(("best", "tied_with_best"), False),
        "mean": ends[0]["parameters"]["lam"],
        "half_width": 0.0,
        "interval": "seeds",
        "seeds": 2,
    }
    lines = (tmp_path / "real/0/metrics.jsonl").read_text().splitlines()
    curve = {line["step"]: line["elbo/valid"] for line in map(json.loads, lines) if "elbo/valid" in line}
    step = sorted(curve)[1]
    figures = json.loads(vaerun("real", "--json", "--at", f"steps={step + 1}")[1])["rows"][0]["runs"][0]["metrics"]
    assert (figures["steps"], figures["elbo/valid"]) == (step, curve[step])


@pytest.mark.parametrize("value", [None, "x", [1], {"a": {}}, 10**400], ids=["null", "word", "list", "mapping", "huge"])
def test_no_value_in_a_file_ends_in_a_traceback(vaerun, runs, value):
    spoiled = runs / "amortized_0"
    sound = {name: (spoiled / name).read_text() for name in ("summary.json", "config.yaml", "metrics.jsonl")}
    line = evaluation({"inference_gap/test": 3.0})
    for key in (*summary(), "versions", "metrics.elbo/test", "data.split_sizes", "best.step", "parameters.phi"):
        made = summary(elbo=-27.0) | {"versions": {"vaerun": "0.1.0"}}
        put(made, key, value)
        check(vaerun, spoiled, "summary.json", json.dumps(made))
    (spoiled / "summary.json").write_text(sound["summary.json"])
    for key in (*config(), "data.binarize", "evaluation.points", "choices.strategy", "trainer.epochs"):
        made = config()
        put(made, key, value)
        check(vaerun, spoiled, "config.yaml", yaml.safe_dump(made))
    (spoiled / "config.yaml").write_text(sound["config.yaml"])
    for key in (*line, "data.sha256", "metrics.inference_gap/test"):
        made = copy.deepcopy(line)
        put(made, key, value)
        check(vaerun, spoiled, "evaluations.jsonl", json.dumps(made) + "\n")
    for key in ("step", "train_seconds", "elbo/valid", "elbo_se/valid"):
        curve = [one | ({key: value} if key in one else {}) for one in records([-3.0, -2.0])]
        check(vaerun, spoiled, "metrics.jsonl", "".join(json.dumps(one) + "\n" for one in curve))


def put(made, key, value):
    node, _, name = key.partition(".")
    (made[node] if name else made)[name or node] = value


def check(vaerun, directory, name, text):
    (directory / name).write_text(text)
    for words in ((), ("--at", "seconds=1.5", "--json", "--mixed")):
        code, out, err = vaerun("runs", *words)
        assert code in (0, 2), (name, text, err)
        assert code == 2 or "coordinate" in out
