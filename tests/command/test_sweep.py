"""``vaerun sweep`` in one process, with a function in the place of the training."""

import io
import json
import re
from pathlib import Path

import pytest

from tests.test_cli import fit, vaerun  # noqa: F401 - fixtures
from vaerun.errors import Interrupted, UserError

pytestmark = pytest.mark.slow

BASIC = ("hydra/launcher=basic", "hydra.sweep.dir=s")


@pytest.fixture
def trained(fit):  # noqa: F811
    """Replaces the training; (seed, strategy) of every run that was trained."""
    calls = []

    def train(cfg, choices, directory, *, live, words):
        from omegaconf import OmegaConf

        calls.append((cfg.seed, choices["strategy"]))
        if (directory / "broken").exists():
            raise UserError("it is broken.")
        OmegaConf.save(OmegaConf.merge(cfg, {"choices": dict(choices)}), directory / "config.yaml")
        (directory / "summary.json").write_text(json.dumps({"status": "completed", "metrics": {}}))

    fit(train)
    return calls


def test_a_sweep_that_is_continued_runs_what_is_new_and_skips_what_is_completed(vaerun, trained, tmp_path):  # noqa: F811
    assert vaerun("sweep", "seed=0,1", "strategy=joint", *BASIC)[0] == 0
    assert trained == [(0, "joint"), (1, "joint")]
    for words, new in (
        (("s",), []),
        (("seed=0,1", "strategy=joint", *BASIC), []),  # the same line
        (("s", "seed=0,1,2"), [(2, "joint")]),
        (("s", "strategy=joint,amortized", "seed=1"), [(1, "amortized")]),
    ):
        trained.clear()
        assert vaerun("sweep", *words)[0] == 0
        assert trained == new, words
    assert len(list((tmp_path / "s").glob("*/config.yaml"))) == 4


def test_a_failed_job_runs_again_and_a_changed_run_gets_a_directory_of_its_own(vaerun, trained, tmp_path):  # noqa: F811
    broken = tmp_path / "s" / "amortized_reparam_gaussian_elbo_digits_seed1"
    broken.mkdir(parents=True)
    (broken / "broken").touch()
    assert vaerun("sweep", "seed=0,1", *BASIC)[0] == 1
    (broken / "broken").unlink()
    trained.clear()
    assert vaerun("sweep", "s")[0] == 0
    assert trained == [(1, "amortized")]
    before = (broken / "config.yaml").read_text()
    assert vaerun("sweep", "s", "trainer.epochs=7")[0] == 0
    assert (broken / "config.yaml").read_text() == before
    assert len(list((tmp_path / "s").glob("*/config.yaml"))) == 4


def test_a_sweep_is_continued_from_any_folder(vaerun, trained, tmp_path, monkeypatch):  # noqa: F811
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\n")
    assert vaerun("sweep", "data=my", "seed=0", *BASIC)[0] == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert vaerun("sweep", "../s", "seed=0,1")[0] == 0
    assert [seed for seed, _ in trained] == [0, 1]
    assert not list((tmp_path / "elsewhere").iterdir())


ILLEGAL = ("posterior=gaussian,bernoulli", "estimator=reparam,score", *BASIC)


def test_illegal_combinations_are_listed_before_the_first_job(vaerun, trained, tmp_path):  # noqa: F811
    code, _, err = vaerun("sweep", *ILLEGAL)
    assert code == 2
    assert "1 of 4 combinations cannot run, as said above, so no job was started" in err
    assert "  posterior=bernoulli estimator=reparam: estimator=reparam needs a reparameterized posterior" in err
    assert not trained
    assert not (tmp_path / "s").exists()


def test_illegal_combinations_are_left_out_on_request_with_a_line_each(vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", *ILLEGAL, "sweep.illegal=skip")
    assert (code, len(trained)) == (0, 3)
    assert len(re.findall(r"^left out  posterior=bernoulli estimator=reparam: ", err, re.M)) == 1
    code, _, err = vaerun("sweep", "posterior=bernoulli", "estimator=reparam,analytic_kl", "sweep.illegal=skip")
    assert code == 2
    assert "2 of 2 combinations cannot run" in err


def test_a_combination_that_cannot_be_composed_is_illegal_but_a_typo_is_never_left_out(vaerun, trained):  # noqa: F811
    words = ("objective/kl_weight=constant,linear", "objective.kl_weight.epochs=3", *BASIC, "sweep.illegal=skip")
    code, _, err = vaerun("sweep", *words)
    assert (code, len(trained)) == (0, 1)
    assert "left out  objective/kl_weight=constant: " in err
    assert vaerun("sweep", "estimator=reparm,score", *BASIC, "sweep.illegal=skip")[0] == 2
    assert len(trained) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["strategy=glob(jiont*)"], "one value of strategy, but strategy=glob(jiont*) stands for none"),
        (["posterior=gaussian,laplace", "seed=range(3,3)"], "one value of seed, but seed=range(3,3) stands for none"),
    ],
)
def test_a_sweep_without_a_job_is_refused(words, sentence, vaerun, trained, tmp_path):  # noqa: F811
    code, _, err = vaerun("sweep", *words, *BASIC)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "s").exists()


def test_an_interruption_ends_the_sweep_and_says_how_to_continue(vaerun, fit):  # noqa: F811
    def interrupted(cfg, choices, directory, *, live, words):
        if cfg.seed == 1:
            raise Interrupted("saved.")

    fit(interrupted)
    code, _, err = vaerun("sweep", "seed=0,1,2", *BASIC)
    assert code == 130
    assert "interrupted: 1 of 3 jobs are completed, 1 stopped with their state saved, 1 has not started" in err
    assert err.endswith("continue with: vaerun sweep s\n")


def test_a_missing_package_of_a_launcher_is_one_sentence(vaerun, monkeypatch):  # noqa: F811
    monkeypatch.setattr("vaerun.sweep.inner.find_spec", lambda name: None)
    code, _, err = vaerun("sweep", "seed=0,1", "hydra/launcher=joblib")
    assert (code, err.count("\n")) == (2, 1)
    assert (
        "hydra/launcher=joblib needs hydra_joblib_launcher, which is not installed: run pip install 'vaerun[parallel]'."
        in err
    )


def test_the_directory_of_a_sweep_has_its_definition(vaerun, trained, tmp_path):  # noqa: F811
    assert vaerun("train", "-m", "seed=0,1", *BASIC)[0] == 0
    assert "- seed=0,1\n" in (tmp_path / "s" / "sweep.yaml").read_text()
    assert not Path(tmp_path / "runs").exists()


def test_commands_that_a_sweep_prints_hold_where_the_user_stands(vaerun, trained, tmp_path, monkeypatch):  # noqa: F811
    broken = tmp_path / "s" / "amortized_reparam_gaussian_elbo_digits_seed1"
    broken.mkdir(parents=True)
    (broken / "broken").touch()
    err = vaerun("sweep", "seed=0,1", *BASIC)[2]
    assert f"run it again: vaerun train seed=1 hydra.run.dir=s/{broken.name}\n" in err
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, _, err = vaerun("sweep", "../s")
    assert code == 1
    assert err.count(f"vaerun sweep {tmp_path / 's'}\n") == 2
    assert f"run it again: (cd {tmp_path} && vaerun train seed=1 hydra.run.dir=s/{broken.name})\n" in err


@pytest.mark.parametrize(("key", "values"), [("execution.threads", "1,2"), ("execution.device", "cpu,auto")])
def test_a_key_that_does_not_distinguish_runs_is_not_swept(key, values, vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", f"{key}={values}", *BASIC)
    assert code == 2
    assert f"{key} does not distinguish runs, so {key}={values.replace(',', f' and {key}=')} cannot be two jobs" in err
    assert vaerun("sweep", "seed=0,0", *BASIC)[0] == 0
    assert len(trained) == 1


def test_a_sweep_goes_on_when_nobody_can_read_what_it_says(vaerun, trained, monkeypatch):  # noqa: F811
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    assert vaerun("sweep", "seed=0,1", *BASIC)[0] == 0
    assert len(trained) == 2


def test_skip_is_no_remedy_if_nothing_is_left(vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", "posterior=bernoulli", "estimator=reparam,analytic_kl", *BASIC)
    assert (code, trained) == (2, [])
    assert "2 of 2 combinations cannot run, as said above, so no job was started: change the values.\n" in err


def test_a_deleted_key_is_no_directory(vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", "seed=0,1", "~experiment", *BASIC)
    assert (code, len(trained)) == (0, 2), err


@pytest.mark.parametrize("launcher", ["processes", "joblib"])
@pytest.mark.parametrize("value", ["abc", "0", "-3", "1.5", "true"])
def test_a_number_of_jobs_is_a_whole_number_or_minus_one(value, launcher, vaerun, trained):  # noqa: F811
    words = ("seed=0,1", f"hydra/launcher={launcher}", f"hydra.launcher.n_jobs={value}", "hydra.sweep.dir=s")
    code, _, err = vaerun("sweep", *words)
    assert (code, err.count("\n")) == (2, 1)
    assert "hydra.launcher.n_jobs must be a whole number of at least 1, or -1 for one job per core, got" in err


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("hydra.run.dir=x", "for a sweep, use hydra.sweep.dir=DIR"),
        ("sweep.ilegal=skip", "Did you mean 'sweep.illegal'?"),
        ("hydra.sweep.subdir=a/b", "hydra.sweep.subdir must be the name of one folder"),
        ("hydra.sweep.subdir=/tmp/a", "hydra.sweep.subdir must be the name of one folder"),
        ("hydra.sweep.subdir='${hydra.job.name}/../..'", "hydra.sweep.subdir must be the name of one folder"),
        ("hydra.sweep.subdir=.jobs", "hydra.sweep.subdir must be the name of one folder"),
        ("hydra.sweep.subdir=''", "hydra.sweep.subdir must be the name of one folder"),
    ],
)
def test_a_setting_that_a_sweep_cannot_use_is_one_sentence(word, sentence, vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", "seed=0,1", *BASIC, word)
    assert (code, err.count("\n"), trained) == (2, 1, [])
    assert sentence in err


def test_a_flag_of_a_continued_sweep_replaces_only_itself(vaerun, trained, tmp_path):  # noqa: F811
    for name in ("one", "two"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\n")
    assert vaerun("sweep", "--config-dir", "one", "data=my", "seed=0", *BASIC)[0] == 0
    path = tmp_path / "s" / "sweep.yaml"
    path.write_text(path.read_text().replace("flags:\n", "flags:\n- --config-name=config\n"))
    assert vaerun("sweep", "s", "--config-dir", "two", "seed=1")[0] == 0
    assert f"flags:\n- --config-name=config\n- --config-dir={tmp_path / 'two'}\n" in path.read_text()


def test_the_help_and_the_page_name_the_same_settings(vaerun):  # noqa: F811
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    names = r"\b(?:hydra|sweep)[./](?!yaml)\w+(?:\.\w+)*|(?<=--)config-dir"
    here, there = (set(re.findall(names, text)) for text in (vaerun("sweep", "--help")[1], page))
    assert here == there


def test_an_illegal_job_is_explained_by_the_words_that_were_typed(vaerun, trained):  # noqa: F811
    code, _, err = vaerun("sweep", "seed=0,1", "~optimizer", *BASIC)
    assert (code, trained) == (2, [])
    assert "~optimizer" in err
