"""The command line: light where it can be, one sentence where something is wrong, exit codes that tell what."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vaerun import cli
from vaerun.command import train
from vaerun.command.flags import SYNTAX
from vaerun.command.parser import parse
from vaerun.config import hydra
from vaerun.config.catalogue import Catalogue
from vaerun.errors import DivergedError, Interrupted, UserError


@pytest.fixture
def vaerun(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process and an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["vaerun"])
    for name in ("HYDRA_FULL_ERROR", "VAERUN_TRACEBACK", "VAERUN_CONF"):
        monkeypatch.setenv(name, "")
    root = logging.getLogger()
    before = (list(root.handlers), root.level)

    def call(*words):
        code = cli.dispatch(list(words))
        for handler in [handler for handler in root.handlers if handler not in before[0]]:
            root.removeHandler(handler)
            handler.close()
        return code, *capfd.readouterr()

    yield call
    root.handlers[:], root.level = before


@pytest.fixture
def fit(monkeypatch):
    """Puts a function in the place of the training, so that no torch is needed."""
    import types

    def replace(function):
        module = types.ModuleType("vaerun.experiment.fit")
        module.fit = function
        monkeypatch.setitem(sys.modules, "vaerun.experiment.fit", module)

    return replace


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["eval", "-h"],
        ["sample", "--help"],
        ["list", "--help"],
        ["trian"],
    ],
)
def test_help_imports_neither_torch_nor_hydra(argv):
    commands = tuple(f"vaerun.command.{command}" for command in cli.COMMANDS)
    heavy = ("torch", "hydra", "omegaconf", "numpy", "yaml", "dataclasses", *commands)
    done = python(
        f"import sys; from vaerun import cli; cli.dispatch({argv}); print([m for m in {heavy} if m in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_usage_imports_nothing_that_python_has_not_imported_anyway_and_a_help_only_argparse():
    bare = set(python("import sys; import contextlib, typing; print(*sys.modules)").stdout.split())
    allowed = set(
        python("import sys; import argparse, difflib, locale, textwrap, typing; print(*sys.modules)").stdout.split()
    )
    for words, known in (([], bare), (["train"], allowed)):
        front = python(
            f"import sys; from vaerun import cli; cli.dispatch([*{words}, '--help']); print(); print(*sys.modules)"
        )
        new = set(front.stdout.splitlines()[-1].split()) - known
        assert not {name for name in new if not name.startswith(("vaerun", "__editable__"))}


@pytest.mark.parametrize("argv", [["train", "trainer.epochs=0"], ["train", "strategi=x"], ["list"]])
def test_errors_in_keys_and_list_import_no_torch(argv, tmp_path):
    there = f"import os, sys; os.chdir({str(tmp_path)!r}); "
    done = python(f"{there}from vaerun import cli; cli.dispatch({argv}); print('torch' in sys.modules)")
    assert done.stdout.splitlines()[-1] == "False"


def test_help_names_every_command_and_train_help_every_noun(vaerun):
    code, out, _ = vaerun("--help")
    assert code == 0
    for command in cli.COMMANDS:
        assert re.search(rf"^  {command} +\w", out, re.M)
    code, out, _ = vaerun("train", "--help")
    assert code == 0
    catalogue = Catalogue([hydra.own_directory()])
    for group in catalogue.nouns:
        assert re.search(rf"^  {group}=", out, re.M), group
    for strategy in catalogue.groups["strategy"]:
        assert re.search(rf"\b{strategy}\b", out), strategy
    # A key of the help that is none would be refused by the command it explains.
    keys = re.findall(r"\b((?:trainer|execution|objective|model|optimizer|data)(?:\.[a-z_]+)+)=", out)
    assert {"execution.device", "execution.threads", "execution.compile", "execution.precision"} <= set(keys)
    assert "trainer.validation.points" in keys
    known = {key for key in catalogue.written() if "." in key}
    assert set(keys) - {"data.binarize", "data.path", "data.root"} <= known


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_flag_stands_in_the_help_with_its_meaning_and_default(vaerun, command):
    code, out, _ = vaerun(command, "--help")
    assert (code, out.splitlines()[0]) == (0, f"usage: vaerun {command} {SYNTAX[command].usage}")
    told = " ".join(out.split())
    for flag in SYNTAX[command].flags:
        default = "" if flag.default is None else f"; default: {flag.default}"
        assert re.search(rf"^  (-\w+ ?\S*, )?{flag.name}\b", out, re.M), flag.name
        assert f"{flag.meaning}{default}" in told


def test_version(vaerun):
    from vaerun import __version__

    assert vaerun("--version") == (0, f"vaerun {__version__}\n", "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["strategy=joint"], "write vaerun train strategy=joint"),
        ([], "usage: vaerun COMMAND"),
        (["train", "trainer.epoch=3"], "Did you mean 'trainer.epochs'?"),
        (["train", "strategy=amortised"], "Did you mean 'amortized'? strategy can be aggressive, "),
        (["train", "data=real.npy"], "source, got real.npy: use data=arrays data.path=real.npy."),
        (["train", "data=./Mine.CSV"], "source, got ./Mine.CSV: use data=table data.path=./Mine.CSV."),
        (["train", "data=/dev/"], "source, got /dev/: use data=images data.path=/dev/."),
        (["train", "strategi=joint"], "Did you mean 'strategy'?"),
        (["train", "+strategi=joint"], "Did you mean 'strategy'?"),
        (["train", "+trainer.epochs=3"], "trainer.epochs already exists in the configuration: leave out the +."),
        (["train", "+estimator=score"], "estimator already has an option: leave out the +."),
        (["train", "~nothing"], "nothing does not exist."),
        (["train", "trainer.epochs=[1"], "'trainer.epochs=[1' cannot be read"),
        (["train", "strategy"], "'strategy' has no value: write KEY=VALUE."),
        (["train", "seed=0,1"], "put -m before it for a sweep"),
        (["train", "seed=range(0, 3)"], "seed=range(0, 3) gives several values: put -m before it for a sweep"),
        (["train", "+posterior=gaussian"], "a run takes one: leave out the + before posterior=OPTION."),
        (["train", "trainer=5"], "trainer=5 does not name an option: choose one of default."),
        (["train", "experiment=lecture/strategies", "strategy=null"], "strategy=null does not name an option: "),
        (["train", "~trainer.epochs"], "trainer=default needs a value for epochs: give trainer.epochs=VALUE."),
        (["train", "~trainer.batch_size"], "needs a value for batch_size: give trainer.batch_size=VALUE."),
        (["train", "~execution.threads"], "so it cannot be removed: leave out ~execution.threads."),
        (["train", "objective.kl_weight.epochs=3"], "leave it out, or use objective/kl_weight=cyclic or "),
        (["train", "trainer.epochs=???"], "trainer.epochs has no value: give trainer.epochs=VALUE."),
        (["train", "execution.device=${nope}"], "execution.device cannot be resolved, because Interpolation key "),
        (["train", "seed=${foo}"], "seed=${foo} cannot be resolved, because Interpolation key 'foo' not found: write"),
        (["train", "~seed"], "because Interpolation key 'seed' not found: leave out ~seed."),
        (["train", "~strategy"], "every run needs strategy, but ~strategy removes it: leave out ~strategy."),
        (["train", "+="], "'+=' has no key: write KEY=VALUE"),
        (["train", "~"], "'~' has no key: write KEY=VALUE"),
        (["train", "+@=x"], "'+@=x' has no key: write KEY=VALUE"),
        (["train", "/=x"], "'/=x' has no key that can be read: write KEY=VALUE"),
        (["train", "seed="], "got ''."),
        (["train", "data.binarize='a\nb'"], "got a\\nb."),
        (["train", "posterior=bernoulli", "model=linear_gaussian"], "sets model/prior, which model=linear_gaussian "),
        (["train", "model=linear_gaussian", "model/prior=bernoulli"], "not have the group model/prior: leave it out."),
        (["train", "model/initial_weights=he"], "leave it out, or use model/decoder/initial_weights or model=hier"),
        (["train", "experiment=rainforth2018/snr", "model/prior=normal"], "model=linear_gaussian does not have"),
        (["train", "-m", "estimator=reparm,score"], "Did you mean 'reparam'?"),
        (["train", "hydra/launcher=nothing"], "hydra/launcher=nothing does not exist."),
        (["train", "--multirunn"], "Did you mean '--multirun'?"),
        (["train", "--cfg"], "--cfg needs a value"),
        (["train", "--config-dir", "nowhere"], "nowhere' not found"),
        (["train", "--config-name", "nope"], "the configuration 'nope' does not exist"),
        (["train", "resume=nowhere"], "nowhere"),
        (["train", "resume="], "resume must be the path of a directory, got an empty text: give resume=DIR or leave "),
        (["train", "hydra.run.dir=''"], "hydra.run.dir must be the path of a directory, got an empty text: give"),
        (["train", "hydra.run.dir=a\nb"], "'hydra.run.dir=a\\nb' holds a line break: leave it out, and rename"),
        (["train", "data=table", "data.path=a\r.csv"], "holds a line break: leave it out"),
        (["train", "data.path=a\bb"], "holds the character '\\x08': leave it out"),
        (["train", "hydra.run.dir='/dev/null/a\nb'"], "/dev/null/a\\nb is not a directory: choose another directory."),
        (["train", "hydra.run.dir=/dev/null"], "/dev/null is not a directory: choose another directory."),
        (["train", "hydra.run.dir=/dev/null/run"], "/dev/null/run is not a directory: choose another directory."),
        (["eval", ""], "an argument of vaerun eval is empty: leave it out, or give its value."),
        (["report", ""], "an argument of vaerun report is empty"),
        (["train", "resume=a", "-m"], "leave out --multirun"),
        (["train", "trainer.device=cpu"], "trainer.device does not exist. Did you mean 'execution.device'?"),
        (["train", "trainer.log_every=5"], "Did you mean 'trainer.records.every'?"),
        (["train", "trainer.validation_points=5"], "Did you mean 'trainer.validation.points'?"),
        (["train", "trainer.checkpoint_seconds=5"], "Did you mean 'trainer.checkpoints.seconds'?"),
        (["train", "latent_dim=5"], "Did you mean 'data.latent_dim' or 'model.latent_dim'?"),
        (["train", "hydra.swep.dir=x"], "hydra.swep.dir does not exist. Did you mean 'hydra.sweep.dir'?"),
        (["train", "hydra.launcher.njobs=2"], "Did you mean 'hydra.launcher.n_jobs'?"),
        (["train", "trainer.quux=mkl"], "trainer.quux does not exist. The keys there are trainer.epochs, "),
        (["train", "--seed", "3"], "Its flags are in vaerun train --help; configuration is written KEY=VALUE."),
        (["train", "strategy/start=prior"], "there is no group strategy/start. Did you mean 'strategy/phi_init'?"),
        (["train", "local/row_optimizer=sgd"], "Did you mean 'local/optimizer'?"),
        (["train", "+trainer.device=cpu"], "Did you mean 'execution.device'?"),
        (["train", "trainer.batch_size=0"], "trainer.batch_size must be at least 1, got 0."),
        (["train", "trainer.max_seconds=0"], "trainer.max_seconds must be > 0, got 0: use null for no limit."),
        (["train", "strategy=coordinate", "local.tolerance=nan"], "local.tolerance must be finite, got nan."),
        (["train", "strategy=coordinate", "local.tolerance=-1"], "local.tolerance must be at least 0, got -1."),
        (["train", "optimizer.weight_decay=inf"], "optimizer.weight_decay must be finite, got inf."),
        (["train", "amortizer.hidden=[inf]"], "amortizer.hidden must be finite, got [inf]."),
        (["train", "trainer.validation.points=0"], "trainer.validation.points must be at least 1, got 0."),
        (["train", "--cfg", "jib"], "--cfg must be job, hydra or all, got 'jib'. Did you mean 'job'?"),
        (["sweep"], "needs the directory of a sweep, or KEY=A,B,... for a new one."),
        (["sweep", "nowhere"], "nowhere does not exist: give the directory of a sweep"),
        (["sweep", "."], "has no sweep.yaml, so it is not the directory of a sweep"),
        (["sweep", "a", "b"], "continues one sweep, got a and b: give one directory."),
        (["sweep", "seed=0,1", "hydra.sweep.dir="], "hydra.sweep.dir must be the path of a directory"),
        (["sweep", "seed=0,1", "resume=x"], "resume continues one run, not a sweep"),
        (["sweep", "seed=0,1", "sweep.illegal=no"], "sweep.illegal must be refuse or skip, got 'no'."),
        (["sweep", "seed=0,1", "hydra.launcher.n_jobs=0"], "must be a whole number of at least 1, or -1"),
        (["sweep", "seed=0,1", "trainer.epoch=3"], "Did you mean 'trainer.epochs'?"),
        (["sweep", "seed=0,1", "trainer.epochs=0"], "trainer.epochs must be at least 1, got 0."),
        (["list", "estimator", "model"], "vaerun list takes one group"),
        (["list", "--json=1"], "--json takes no value: write --json alone."),
        (["list", "estimatr"], "Did you mean 'estimator'?"),
        (["verify", "--config-dir", "x"], "verify has no flag --config-dir: set VAERUN_CONF=FOLDER to the folder"),
        (["train", "estimator=zzzz"], "; for one of your own, name its folder in VAERUN_CONF or with --config-dir."),
        (["list", "--jsn"], "vaerun list has no flag --jsn. Did you mean '--json'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_users_error_is_one_sentence_and_exit_code_2(vaerun, argv, said):
    code, out, err = vaerun(*argv)
    assert code == 2
    assert said in err
    assert out == ""
    assert "Traceback" not in err
    if argv:
        assert err.count("\n") == 1
        assert err.startswith("vaerun: ")


def test_a_refused_run_leaves_no_directory(vaerun, tmp_path):
    assert vaerun("train", "trainer.epochs=0")[0] == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_typo_in_the_users_own_yaml_under_config_dir_and_in_conf(vaerun, tmp_path, monkeypatch):
    folder = tmp_path / "mine" / "data"
    folder.mkdir(parents=True)
    (folder / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\nbinarise: static\n")
    said = "data.binarise is not a key of data=my. Did you mean 'binarize'?"
    assert said in vaerun("train", "data=my", "--config-dir", "mine")[2]
    monkeypatch.setenv("VAERUN_CONF", "mine")
    assert said in vaerun("train", "data=my")[2]
    monkeypatch.setenv("VAERUN_CONF", "")
    (tmp_path / "mine").rename(tmp_path / "conf")
    assert said in vaerun("train", "data=my")[2]
    (tmp_path / "conf" / "data" / "my.yaml").write_text("_target_: [1\n")
    code, _, err = vaerun("train", "data=my")
    assert code == 2
    assert re.search(r"my\.yaml, line 2: this is not YAML", err)
    (tmp_path / "conf" / "data" / "my.yaml").write_bytes(b"# caf\xe9\n_target_: vaerun.data.digits.Digits\n")
    assert "my.yaml is not text, because byte 5 is not UTF-8: save it as UTF-8." in vaerun("train", "data=my")[2]
    (tmp_path / "conf" / "data" / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\ndefaults: 5\n")
    assert vaerun("train", "data=my")[0] == 2
    assert vaerun("list", "data")[0] == 0
    monkeypatch.setenv("VAERUN_CONF", "nowhere")
    assert "VAERUN_CONF=nowhere is not a directory" in vaerun("train")[2]


def test_the_shipped_configurations_are_not_taken_for_the_users_own(monkeypatch):
    monkeypatch.setenv("VAERUN_CONF", str(hydra.own_directory()))
    assert hydra.user_directory() is None
    assert hydra.roots() == [hydra.own_directory()]


def test_flags_may_stand_anywhere(vaerun):
    code, out, _ = vaerun("train", "strategy=joint", "--cfg", "job", "seed=7", "--package", "strategy")
    assert code == 0
    assert "vaerun.strategy.joint.Joint" in out
    given = parse("train", ["a=1", "-m", "b=2", "--info", "c=3", "-cd", "x"])
    assert list(train.hydra_flags(given)) == ["--multirun", "--config-dir=x", "--info=all"]
    assert given.words == ["a=1", "b=2", "c=3"]
    given = parse("train", ["--info", "config", "--cfg=job"])
    assert (list(train.hydra_flags(given)), given.words) == (["--cfg=job", "--info=config"], [])


def test_a_run_gets_its_choices_its_configuration_and_a_directory_of_its_own(vaerun, fit):
    calls = []
    fit(lambda cfg, choices, directory, *, live, words: calls.append((cfg, choices, directory)))
    for _ in range(2):
        assert vaerun("train", "strategy=joint", "seed=3")[0] == 0
    (cfg, choices, first), (_, _, second) = calls
    assert choices["strategy"] == "joint"
    assert choices["model/prior"] == "standard_normal"
    assert not [group for group in choices if group.startswith("hydra")]
    assert cfg.seed == 3
    assert "resume" not in cfg
    assert "hydra" not in cfg
    assert first != second
    assert first.name.endswith("_joint_reparam_gaussian_elbo_digits_seed3")
    assert first.parent.parent == Path("runs").resolve()
    assert not (first / ".hydra").exists()


def test_an_option_in_a_subfolder_makes_no_folder_in_the_run_directory(vaerun, fit, tmp_path):
    folder = tmp_path / "conf" / "data" / "lab"
    folder.mkdir(parents=True)
    (folder / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\n")
    calls = []
    fit(lambda cfg, choices, directory, *, live, words: calls.append(directory))
    assert vaerun("train", "data=lab/my")[0] == 0
    assert calls[0].name.endswith("_elbo_lab-my_seed0")
    assert calls[0].parent.parent.name == "runs"


def test_a_sweep_names_each_failed_job_and_how_to_run_it_again(vaerun, fit):
    def fails_for_some(cfg, choices, directory, *, live, words):
        if cfg.seed == 1:
            raise DivergedError("elbo/train is not finite.")
        if cfg.seed == 2:
            raise UserError("no.")

    fit(fails_for_some)
    code, _, err = vaerun("train", "-m", "seed=0,1,2,3", "hydra/launcher=basic", "hydra.sweep.dir=s")
    assert code == 1
    assert "2 of 4 jobs failed:\n  seed=1: elbo/train is not finite.\n" in err
    assert "  seed=2: no.\n    run it again: vaerun train seed=2 hydra.run.dir=s/" in err
    assert "run all failed jobs again: vaerun sweep s\n" in err
    assert "Error executing job" not in err
    jobs = sorted(path for path in Path("s").glob("*") if path.is_dir() and path.name[0] != ".")
    assert [path.name for path in jobs] == [f"amortized_reparam_gaussian_elbo_digits_seed{seed}" for seed in range(4)]
    assert json.loads((jobs[2] / "summary.json").read_text()) | {"checksum": ""} == {
        "status": "failed",
        "reason": "no.",
        "checksum": "",
    }


def raising(error):
    def fit(cfg, choices, directory, *, live, words):
        raise error

    return fit


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DivergedError("elbo is nan."), 1, "vaerun: elbo is nan.\n"),
        (UserError("no file."), 2, "vaerun: no file.\n"),
        (MemoryError(), 1, "vaerun: out of memory: "),
        (Interrupted("saved; go on with resume=X."), 130, "vaerun: saved; go on with resume=X.\n"),
        (KeyboardInterrupt(), 130, "vaerun: interrupted\n"),
        (SystemExit(0), 1, "vaerun: internal error, SystemExit: 0 (the traceback is in "),
        (ZeroDivisionError("oops"), 1, "vaerun: internal error, ZeroDivisionError: oops (the traceback is in "),
    ],
)
def test_exit_codes_of_what_happens_in_a_run(vaerun, fit, error, code, said):
    fit(raising(error))
    got, _, err = vaerun("train")
    assert got == code
    assert err.startswith(said)
    assert "Traceback" not in err


def test_a_bug_leaves_its_traceback_in_the_log_and_on_demand_on_the_screen(vaerun, fit, monkeypatch):
    fit(raising(ZeroDivisionError("oops")))
    _, _, err = vaerun("train")
    log = Path(err.partition("traceback is in ")[2].strip().rstrip(")"))
    assert "ZeroDivisionError: oops" in log.read_text()
    assert "Traceback (most recent call last)" in log.read_text()
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert "Traceback (most recent call last)" in vaerun("train")[2]


def test_resume_keeps_the_configuration_and_the_choices(vaerun, fit, tmp_path):
    from omegaconf import OmegaConf

    cfg, choices = hydra.compose(["strategy=joint", "data=mnist"])
    run = tmp_path / "run"
    run.mkdir()
    del cfg["resume"]
    OmegaConf.save(OmegaConf.merge(cfg, {"choices": choices}), run / "config.yaml")
    calls = []
    fit(lambda cfg, choices, directory, *, live, words: calls.append((cfg, choices, directory)))
    assert vaerun("train", "resume=run", "execution.threads=2", "data.root=/elsewhere")[0] == 0
    ((got, made, directory),) = calls
    assert made == choices
    assert directory == Path("run")
    assert (got.execution.threads, got.data.root) == (2, "/elsewhere")
    assert "choices" not in got
    code, _, err = vaerun("train", "resume=run", "trainer.batch_size=3")
    assert code == 2
    assert "trainer.batch_size=3 cannot be set, because a run keeps its configuration" in err
    assert vaerun("train", "resume=run", "trainer.epochs=300")[0] == 0
    assert calls[-1][0].trainer.epochs == OmegaConf.load(run / "config.yaml").trainer.epochs == 300


def test_completion(vaerun, monkeypatch):
    def complete(line):
        monkeypatch.setenv("COMP_LINE", line)
        return vaerun("-sc", "query=bash")

    assert complete("vaerun tr") == (0, "train\n", "")
    assert complete("vaerun ")[1].split() == list(cli.COMMANDS)
    assert "strategy=joint" in complete("vaerun train strategy=")[1].split()
    assert complete("vaerun train trainer.ep")[1].split() == ["trainer.epochs="]
    assert complete("vaerun eval ru") == (0, "", "")
    assert complete("vaerun sample run --p") == (0, "--pairs --points\n", "")
    assert complete("vaerun evl --") == (0, "", "")
    code, out, _ = vaerun("-sc", "install=bash")
    assert code == 0
    assert "-F hydra_bash_completion" in out


def test_list_shows_every_group_and_json_is_one_document(vaerun):
    code, out, _ = vaerun("list")
    groups = Catalogue([hydra.own_directory()]).groups
    assert code == 0
    assert set(groups) <= set(out.splitlines())
    entries = json.loads(vaerun("list", "--json")[1])
    entries.pop("experiment", None)
    assert {group: {entry["option"] for entry in options} for group, options in entries.items()} == {
        group: set(options) for group, options in groups.items()
    }


def test_list_shows_experiments_with_their_first_comment(vaerun, tmp_path):
    folder = tmp_path / "conf" / "experiment" / "lab"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\n# See: two seeds differ\ndefaults:\n  - override /strategy: joint\n"
        "hydra: {sweeper: {params: {seed: '1,2'}}}\ntrainer: {validation: {every: 2}}\n"
    )
    (entry,) = [one for one in json.loads(vaerun("list", "--json")[1])["experiment"] if one["option"] == "lab/mine"]
    assert (entry["summary"], entry["default"]) == ("See: two seeds differ", False)
    assert entry["keys"] == {"strategy": "joint", "trainer.validation.every": 2, "seed": "1,2"}
    code, out, _ = vaerun("list", "experiment")
    assert code == 0
    assert re.search(r"^  lab/mine +See: two seeds differ", out, re.M)
    assert "every: 2" in vaerun("train", "experiment=lab/mine", "--cfg", "job")[1]
    assert "Did you mean 'lab/mine'?" in vaerun("train", "experiment=lab/mnie")[2]


def test_list_of_a_group_says_what_fits(vaerun):
    entries = {entry["option"]: entry for entry in json.loads(vaerun("list", "estimator", "--json")[1])["estimator"]}
    assert {"gaussian", "full_gaussian"} <= set(entries["reparam"]["fits"]["posterior"])
    assert "bernoulli" not in entries["reparam"]["fits"]["posterior"]
    assert "elbo" in entries["analytic_kl"]["fits"]["objective"]
    assert "iwae" not in entries["analytic_kl"]["fits"]["objective"]
    assert entries["score"]["fits"] == {}
    assert [name for name, entry in entries.items() if entry["default"]] == ["reparam"]
    posterior = {entry["option"]: entry for entry in json.loads(vaerun("list", "posterior", "--json")[1])["posterior"]}
    assert "vae" in posterior["bernoulli"]["fits"]["model"]
    assert "score" in posterior["bernoulli"]["fits"]["estimator"]
    assert "reparam" not in posterior["bernoulli"]["fits"]["estimator"]
    assert "with posterior: " in vaerun("list", "estimator")[1]


def test_list_fits_the_terminal_and_shows_the_users_own(vaerun, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "72")
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "my.yaml").write_text("_target_: vaerun.data.digits.Digits\n")
    out = vaerun("list", "data")[1]
    assert max(map(len, out.splitlines())) <= 72
    assert re.search(r"^  my +1,797", out, re.M)


def test_a_reader_who_leaves_early_is_no_error(tmp_path):
    command = f"{sys.executable} -m vaerun list --json | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


def test_a_refusal_takes_nothing_away_that_the_user_had(vaerun, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "log.txt").write_text("precious")
    assert vaerun("train", f"hydra.run.dir={own}", "posterior=bernoulli")[0] == 2
    assert (own / "log.txt").read_text().startswith("precious")
    assert vaerun("train", "posterior=bernoulli")[0] == 2
    assert not list(Path("runs").glob("*/*"))


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["train", "model.prior=bernoulli"], "model/prior=bernoulli"),
        (["train", "model.prior=null"], "model/prior=OPTION"),
        (["train", "objective.kl_weight=0.5"], "objective/kl_weight=OPTION"),
        (["train", "objective.kl_weight=[linear]"], "objective/kl_weight=linear"),
        (["train", "+objective.kl_weight=linear"], "objective/kl_weight=linear"),
        (["train", "objective.kl_weight=linear", "objective.kl_weight.epochs=3"], "objective/kl_weight=linear"),
        (["train", "objective.kl_weight=linear,constant"], "objective/kl_weight=linear,constant"),
        (["train", "hydra.sweeper=optuna"], "hydra/sweeper=optuna"),
        (["sweep", "seed=0,1", "hydra.launcher=joblib"], "hydra/launcher=joblib"),
        (["verify", "objective.kl_weight=linear"], "objective/kl_weight=linear"),
    ],
)
def test_a_dot_where_a_slash_belongs_is_said(vaerun, words, remedy):
    code, _, stderr = vaerun(*words)
    assert code == 2
    assert f"write {remedy}, with a slash" in stderr


def test_a_dot_for_a_group_that_the_choices_do_not_have(vaerun):
    code, _, stderr = vaerun("train", "estimator.baseline=nvil")
    assert code == 2
    assert "estimator=reparam does not have the group estimator/baseline: leave it out, or use estimator=" in stderr


@pytest.mark.parametrize(
    ("user", "seen"),
    [({}, cli.SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_waiting_threads_give_their_core_back_unless_the_user_decides(monkeypatch, user, seen):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    found = []
    monkeypatch.setattr("vaerun.command.list.main", lambda argv: found.append(os.environ.get("GOMP_SPINCOUNT")) or 0)
    assert cli.dispatch(["list"]) == 0
    assert found == [seen]
    assert os.environ.get("GOMP_SPINCOUNT") == user.get("GOMP_SPINCOUNT")


@pytest.mark.parametrize(("word", "variable"), [("trust=", ""), ("trust=[", ""), ("trust=a.b", ""), ("", "a b")])
def test_an_internal_error_beside_a_word_that_names_no_package_is_one_sentence(word, variable, monkeypatch, capsys):
    """``vaerun list`` builds no class, so that it reads trust= and VAERUN_TRUST only to report the error."""
    monkeypatch.setenv("VAERUN_TRUST", variable)
    assert cli.sentence(ZeroDivisionError("division by zero"), [word] if word else []) == 1
    said = capsys.readouterr().err
    assert said == "vaerun: internal error, ZeroDivisionError: division by zero (VAERUN_TRACEBACK=1 shows where)\n"


def test_an_exit_in_code_of_the_user_is_one_sentence_and_one_of_hydra_is_not(tmp_path, monkeypatch, capsys):
    (tmp_path / "leaver.py").write_text("def main(words):\n    raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import leaver

    monkeypatch.setattr("vaerun.command.verify.main", leaver.main)
    assert cli.run("verify", ["trust=leaver"]) == 1
    said = capsys.readouterr().err
    assert said == "vaerun: error in leaver.py, line 2, SystemExit: 0 (VAERUN_TRACEBACK=1 shows where)\n"
    with pytest.raises(SystemExit):
        cli.run("verify", [])
