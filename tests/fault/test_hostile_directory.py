"""A run directory or a folder of a stranger: nothing in it runs, is written elsewhere, hangs, or is shown raw."""

import copy
import itertools
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import vaerun
from tests.fault.targets import CANARY, HARMFUL, TRICKS
from tests.runs import TINY, train
from vaerun import cli
from vaerun.config import hydra
from vaerun.config.admission import BASES, admitted, check_targets
from vaerun.config.trust import trusting
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.trainer import checkpoint_file

SECRET = "hunter2-of-the-environment"
EVIL = f"""
open({CANARY!r}, "w").close()
from {{module}} import {{name}}
class Evil({{name}}):
    pass
"""


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody has changed."""
    directory = tmp_path_factory.mktemp("honest") / "run"
    train(directory)
    return directory


@pytest.fixture
def run(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in the current folder, with a module that must not be imported and a file that must not change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.delenv("VAERUN_TRUST", raising=False)
    shutil.copytree(honest, tmp_path / "run")
    (tmp_path / "evil.py").write_text(EVIL.format(module="vaerun.data.base", name="Source"))
    (tmp_path / "victim").write_text("precious")
    return tmp_path / "run"


def read_yaml(run: Path) -> dict[str, Any]:
    return yaml.safe_load((run / "config.yaml").read_text())


def write_yaml(run: Path, config: Mapping[str, Any]) -> None:
    (run / "config.yaml").write_text(yaml.safe_dump(dict(config)))


COMMANDS: Mapping[str, Callable[[Path], list[str]]] = {
    "eval": lambda run: ["eval", str(run)],
    "sample": lambda run: ["sample", str(run), "--n", "2"],
    "encode": lambda run: ["encode", str(run), "--split", "test", "--num-samples", "0", "--force"],
    "resume": lambda run: ["train", f"resume={run}"],
    "again": lambda run: ["train", "--config-path", str(run), "--config-name", "config", "hydra.run.dir=again"],
}
COMPOSING = ("eval", "again")  # Hydra composes a configuration in them, which takes a third of a second
EACH = [pytest.param(command, marks=[pytest.mark.slow] if command in COMPOSING else []) for command in COMMANDS]
READERS: Mapping[str, Callable[[Path], list[str]]] = {
    **COMMANDS,
    "same directory": lambda run: ["train", *TINY, f"hydra.run.dir={run}"],
    "compare": lambda run: ["compare", str(run)],
    "at": lambda run: ["compare", str(run), "--at", "steps=2"],
    "report": lambda run: ["report", str(run.parent), "--out", "page"],
}


def refused(run: Path, command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a command refuses the directory with."""
    capsys.readouterr()
    code = cli.dispatch(READERS[command](run))
    err = capsys.readouterr().err
    assert code == 2, err
    assert "Traceback" not in err
    assert "internal error" not in err
    assert err.splitlines()[-1].startswith("vaerun: "), err
    assert not Path(CANARY).exists()
    assert Path("victim").read_text() == "precious"
    return err


def node_at(config: dict[str, Any], group: str) -> dict[str, Any]:
    """The node of a group, which is made if the run has none."""
    node = config
    for word in group.split("/"):
        node = node.setdefault(word, {})
    return node


def test_the_list_is_long_enough() -> None:
    assert len(HARMFUL) >= 89
    assert len(TRICKS) >= 30


@pytest.mark.parametrize("target", HARMFUL)
def test_no_group_takes_a_callable_that_does_harm(target: str, run: Path) -> None:
    before, honest = set(sys.modules), read_yaml(run)
    # Which trackers a file may start, and where they write, is tested in tests/config/test_tracking.py.
    tracker = target.startswith("vaerun.tracking.")
    for group in [*BASES, "hydra", "nothing", "model/nothing", "trainer/records"]:
        if group == "tracking" and tracker:
            continue
        top = group.partition("/")[0]
        config = {top: copy.deepcopy(honest.get(top, {}))}
        parent, _, last = group.rpartition("/")
        (node_at(config, parent) if parent else config)[last] = {"_target_": target, **HARMFUL[target]}
        with pytest.raises(UserError):
            check_targets(config)
        if group in BASES:
            with pytest.raises(UserError):
                make(config[group] if group in config else node_at(config, group), {}, group=group)
    if not tracker:
        with pytest.raises(UserError):
            make({"_target_": target, **HARMFUL[target]}, {})
    home = target.rpartition(".")[0]
    assert not {name for name in set(sys.modules) - before if name == home or home.startswith(f"{name}.")}
    assert not Path(CANARY).exists()
    assert Path("victim").read_text() == "precious"


@pytest.mark.parametrize("target", TRICKS, ids=repr)
def test_no_group_takes_what_only_looks_like_a_class(target: object) -> None:
    for group in BASES:
        for build in (
            lambda g: check_targets({g: {"_target_": target}}),
            lambda g: make({"_target_": target}, {}, group=g),
        ):
            with pytest.raises(UserError):
                build(group)


@pytest.mark.parametrize("group", BASES)
def test_a_group_takes_only_classes_of_its_own(group: str) -> None:
    """A class of vaerun is no passport: a prior is not a posterior."""
    own = set(BASES[group])
    options = [
        option
        for other, some in hydra_catalogue().groups.items()
        for option in some.values()
        if BASES.get(other) and not own & set(BASES[other])
    ]
    assert options
    for option in options:
        with pytest.raises(UserError):
            check_targets({group: {"_target_": option.content["_target_"]}})


def hydra_catalogue() -> Any:
    from vaerun.config.catalogue import Catalogue

    return Catalogue([hydra.own_directory()])


def test_every_option_of_vaerun_is_admitted_and_abstract_bases_are_not_built() -> None:
    for group, some in hydra_catalogue().groups.items():
        assert group in BASES
        for option in some.values():
            assert admitted(group, option.content["_target_"]).module.startswith("vaerun.")
    for group in ("data", "model", "posterior", "evaluation"):
        with pytest.raises(UserError, match="cannot be built, because it does not define"):
            make({"_target_": BASES[group][0]}, {}, group=group)


@pytest.mark.parametrize("command", EACH)
@pytest.mark.parametrize("group", BASES)
def test_a_class_of_a_strangers_module_is_not_built(
    group: str, command: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The class is a true member of the group, and its module stands in the current folder."""
    module, _, name = BASES[group][0].rpartition(".")
    Path("evil.py").write_text(EVIL.format(module=module, name=name))
    config = read_yaml(run)
    node_at(config, group)["_target_"] = "evil.Evil"
    write_yaml(run, config)
    if group == "tracking" and command in ("eval", "sample", "encode"):  # they start no tracker
        assert cli.dispatch(COMMANDS[command](run)) == 0
        assert not Path(CANARY).exists()
        assert "evil" not in sys.modules
        return
    assert "trust=evil" in refused(run, command, capsys)
    assert "evil" not in sys.modules


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "target", ["builtins.open", "numpy.testing._private.utils.runstring", "torch.load", "vaerun.cli.os.system"]
)
def test_a_run_that_names_a_callable_is_refused(
    target: str, command: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_yaml(run, {**read_yaml(run), "data": {"_target_": target, **HARMFUL[target]}})
    assert target in refused(run, command, capsys)


SHELL = {"_target_": "os.system", "command": f"touch {CANARY}"}
PLACES: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "a nested key": lambda c: c["model"].update(latent_dim=SHELL),
    "a list": lambda c: c["model"].update(latent_dim=[SHELL]),
    "deep in a list": lambda c: c["amortizer"].update(hidden=[[{"a": [SHELL]}]]),
    "a plain mapping": lambda c: c.update(extra={"a": {"b": SHELL}}),
    "the top": lambda c: c.update(SHELL),
    "seed": lambda c: c.update(seed=SHELL),
    "choices": lambda c: c.update(choices=SHELL),
    "_args_": lambda c: c["data"].update(_args_=["x"]),
    "_method_": lambda c: c["data"].update(_method_="load"),
    "_convert_": lambda c: c["data"].update(_convert_="object"),
    "_recursive_": lambda c: c["data"].update(_recursive_=True),
    "_partial_ of text": lambda c: c["optimizer"].update(_partial_="os.system"),
    "_partial_ of a model": lambda c: c["model"].update(_partial_=True),
    "_partial_ of the prior": lambda c: c["model"]["prior"].update(_partial_=True),
    "trust": lambda c: c.update(trust=["evil"]),
    "trust inside": lambda c: c["data"].update(_target_="evil.Evil", trust="evil"),
    "hydra": lambda c: c.update(hydra={"callbacks": {"x": SHELL}}),
    "hydra launcher": lambda c: c.update(hydra={"launcher": SHELL}),
    "hydra instantiate": lambda c: c.update(
        hydra={"callbacks": {"x": {"_target_": "hydra.utils.instantiate", "config": SHELL}}}
    ),
    "hydra logging": lambda c: c.update(
        hydra={"job_logging": {"handlers": {"x": {"()": "os.system", "command": f"touch {CANARY}"}}}}
    ),
    "hydra log file": lambda c: c.update(
        hydra={
            "job_logging": {"handlers": {"file": {"class": "logging.FileHandler", "filename": "victim", "mode": "w"}}}
        }
    ),
    "hydra search path": lambda c: c.update(hydra={"searchpath": ["pkg://evil"]}),
    "hydra environment": lambda c: c.update(hydra={"job": {"env_set": {"CXX": "evil"}}}),
}


@pytest.mark.parametrize("command", EACH)
@pytest.mark.parametrize("place", PLACES)
def test_code_stands_nowhere_else_either(
    place: str, command: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = read_yaml(run)
    PLACES[place](config)
    write_yaml(run, config)
    refused(run, command, capsys)


def test_a_run_of_a_trusted_package_is_opened(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module, _, name = "vaerun.data.digits.Digits".rpartition(".")
    Path("mylab.py").write_text(f"from {module} import {name}\nclass Mine({name}): ...\n")
    config = read_yaml(run)
    config["data"]["_target_"] = "mylab.Mine"
    write_yaml(run, config)
    assert "trust=mylab" in refused(run, "eval", capsys)
    with pytest.raises(UserError, match="trust=mylab"):
        vaerun.load(run)
    path = list(sys.path)
    try:
        assert cli.dispatch(["eval", str(run), "trust=[other,mylab]"]) == 0
        assert vaerun.load(run, trust="mylab").data.name == "digits"
    finally:
        sys.path[:] = path
        sys.modules.pop("mylab", None)


def test_trust_ends_with_its_block_and_is_a_name() -> None:
    kind = "torch.distributed.optim.zero_redundancy_optimizer.ZeroRedundancyOptimizer"
    evil = {"optimizer": {"_target_": kind, "_partial_": True}}
    with trusting(["torch"]):
        check_targets(evil)
    with pytest.raises(UserError, match="add trust=torch"):
        check_targets(evil)
    for words in ("trust=a.b", "trust=", "trust=/tmp", "trust=[a,]"):
        assert cli.dispatch(["train", words]) == 2


def test_an_optimiser_of_torch_needs_no_trust_and_opens_no_folder() -> None:
    before = list(sys.path)
    node = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1}
    check_targets({"optimizer": node})
    assert make(node, {}, group="optimizer").func.__name__ == "SGD"
    assert sys.path == before
    with pytest.raises(UserError):
        check_targets({"posterior": node})


FOLDER = {
    "conf/estimator/evil.yaml": "_target_: evil.Evil\n",
    "hydra_plugins/evil_plugin.py": EVIL.format(module="hydra.plugins.plugin", name="Plugin"),
    "torch.py": EVIL.format(module="os", name="PathLike"),
    "yaml.py": EVIL.format(module="os", name="PathLike"),
    "matplotlib.py": EVIL.format(module="os", name="PathLike"),
    "vaerun/__init__.py": EVIL.format(module="os", name="PathLike"),
}


@pytest.mark.parametrize(
    "words",
    [
        ["list", "estimator"],
        ["train", "estimator=evil"],
        ["verify", "estimator=evil", "posterior=gaussian", "objective=elbo"],
        ["train", "--cfg", "job"],
        pytest.param(["eval", "run", "evaluation.points=5"], marks=pytest.mark.slow),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_folder_of_a_stranger_is_read_and_not_imported(words: list[str], run: Path) -> None:
    Path("evil.py").write_text(EVIL.format(module="vaerun.estimator.reparam", name="Reparam"))
    for name, text in FOLDER.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    command = [str(Path(sys.executable).parent / "vaerun"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == (2 if "estimator=evil" in words else 0), done.stderr
    assert ("trust=evil" in done.stderr) == ("estimator=evil" in words)
    assert not Path(CANARY).exists()
    if words[0] == "list":
        assert "evil" in done.stdout
        shutil.rmtree("vaerun")  # Python itself imports the package that it runs with -m from the current folder
        subprocess.run([sys.executable, "-m", "vaerun", *words], capture_output=True, timeout=120, check=True)
        assert not Path(CANARY).exists()


# Files


def bomb() -> str:
    """500 bytes that stand for 9^8 values."""
    letters = "abcdefghi"
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in itertools.pairwise(letters)]
    return "\n".join(lines)


CONFIGS: Mapping[str, Callable[[str], str]] = {
    "aliases": lambda text: text + bomb(),
    "an alias of itself": lambda text: text + "x: &x [*x]\n",
    "merge keys": lambda text: (
        text + "a: &a {b: 1}\n" + "".join(f"k{i}: {{<<: [{','.join(['*a'] * 999)}]}}\n" for i in range(9))
    ),
    "depth": lambda text: text + "x: " + "[" * 5000,
    "depth of mappings": lambda text: text + "x: " + "{a: " * 100 + "1" + "}" * 100,
    "size": lambda text: text + f"x: {'a' * 300_000}\n",
    "a tag": lambda text: text + f"x: !!python/object/apply:os.system ['touch {CANARY}']\n",
    "a date": lambda text: text.replace("seed: 0", "seed: 2001-99-99"),
    "bytes": lambda text: text.replace("seed: 0", "seed: !!binary aGk="),
    "no text": lambda text: "\x00",
    "keys that are numbers": lambda text: text + "3: 4\n",
    "a list": lambda text: "- 1\n",
    "nothing": lambda text: "",
    "another document": lambda text: text + "---\na: 1\n",
}


@pytest.mark.parametrize("command", EACH)
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_that_costs_too_much_is_not_read(
    kind: str, command: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "config.yaml"
    path.write_text(CONFIGS[kind](path.read_text()))
    refused(run, command, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["aliases", "depth", "size", "a tag"])
def test_compare_and_report_leave_such_a_run_out(kind: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "config.yaml"
    path.write_text(CONFIGS[kind](path.read_text()))
    for command in ("compare", "report"):
        capsys.readouterr()
        assert cli.dispatch(READERS[command](run)) in (0, 2)
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device", pytest.param("sparse", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", ["config.yaml", "summary.json", "metrics.jsonl", "evaluations.jsonl", "checkpoints/best.pt", "checkpoints"]
)
def test_a_file_that_is_none_is_never_waited_for(
    name: str, kind: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command may do without the file; it may not hang, fall over, or write through it."""
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(2**33)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else Path("victim").resolve())
    for command in ("sample", "resume", "compare", "at"):
        capsys.readouterr()
        code = cli.dispatch(READERS[command](run))
        err = capsys.readouterr().err
        assert code in (0, 2), (command, err)
        assert "Traceback" not in err
        assert "internal error" not in err
    assert Path("victim").read_text() == "precious"


WRITTEN = (
    ".lock", "log.txt", "metrics.jsonl", "config.yaml", "summary.json", "evaluations.jsonl", "evaluations", "samples",
    "checkpoints",
)  # fmt: skip
PARTS = (".config.yaml.part", ".summary.json.part", ".metrics.jsonl.part", "checkpoints/.last.pt.part", ".rewound.part")


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_through_a_link(name: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = run / name, run.parent / "elsewhere"
    folder.mkdir()
    is_folder = name in ("evaluations", "samples", "checkpoints")
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(folder if is_folder else run.parent / "victim")
    if name != "summary.json":
        (run / "summary.json").unlink()  # as after a kill: training goes on
    for command in ("resume", "eval", "sample"):
        cli.dispatch(READERS[command](run))
        err = capsys.readouterr().err
        assert "Traceback" not in err
        assert "internal error" not in err
    assert Path("victim").read_text() == "precious"
    assert list(folder.iterdir()) == []


def test_an_unfinished_file_that_is_a_link_is_replaced(run: Path) -> None:
    for name in PARTS:
        (run / name).symlink_to(run.parent / "victim")
    (run / "summary.json").unlink()
    assert cli.dispatch(["train", f"resume={run}"]) == 0
    assert Path("victim").read_text() == "precious"
    assert not (run / "summary.json").is_symlink()


def test_links_of_the_users_own_above_the_run_keep_working(run: Path) -> None:
    Path("disk").mkdir()
    Path("runs").symlink_to("disk")
    assert cli.dispatch(["train", *TINY, "hydra.run.dir=runs/a"]) == 0
    Path("latest").symlink_to("runs/a")
    for words in (["eval", "latest"], ["sample", "latest"], ["train", "resume=latest"], ["compare", "runs"]):
        assert cli.dispatch(words) == 0
    assert (Path("disk") / "a" / "evaluations.jsonl").exists()


# What is shown


REFERENCES = (
    "${oc.env:SECRET}",
    "x${oc.env:SECRET}x",
    "${oc.env:SECRET,1}",
    "${seed}",
    "${oc.decode:${oc.env:SECRET}}",
)


@pytest.mark.parametrize("command", READERS)
def test_a_reference_in_a_run_is_not_resolved(command: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = read_yaml(run)
    for reference in REFERENCES[:1] if command == "report" else REFERENCES:
        write_yaml(run, {**config, "seed": reference, "model": {**config["model"], "latent_dim": reference}})
        capsys.readouterr()
        cli.dispatch(READERS[command](run))
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
    assert not [path for path in Path().rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
def test_characters_that_steer_a_terminal_are_shown_as_their_codes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steering = "\x1b[31mred\x9b0m\u202e\x07"
    summary = json.loads((run / "summary.json").read_text())
    changed = {**summary, "status": "failed", "reason": steering, "device": steering}
    (run / "summary.json").write_text(json.dumps(changed))
    (run / "evaluations.jsonl").write_text(json.dumps({"data": {}, "metrics": {}, "checkpoint": steering}) + "\n")
    config = read_yaml(run)
    config["choices"] = dict.fromkeys(config["choices"], steering)
    config["model"][steering] = steering
    write_yaml(run, config)
    for command in READERS:
        cli.dispatch(READERS[command](run))
        shown = capsys.readouterr()
        assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(shown.out + shown.err), command
    out = ["compare", str(run), "--json"]
    assert cli.dispatch(out) == 0
    json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_every_text_of_a_run_is_escaped_in_the_report(run: Path) -> None:
    script = "<script>alert(1)</script><img src=x onerror=alert(1)>$\\frac{"
    summary = json.loads((run / "summary.json").read_text())

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marked(child) for key, child in value.items()}
        return script if isinstance(value, str) and value != "completed" else value

    config = read_yaml(run)
    config["choices"] = dict.fromkeys(config["choices"], script)
    for seed, change in (("run", {}), ("other", {"optimizer": {**config["optimizer"], script: script}})):
        place = run.parent / seed
        if seed != "run":
            shutil.copytree(run, place)
        write_yaml(place, {**config, **change})
        (place / "summary.json").write_text(json.dumps({**marked(summary), "about": summary["about"]}))
    assert cli.dispatch(["report", ".", "--out", "page", "--mixed"]) == 0
    page = Path("page/index.html").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


# Checkpoints


def zip_bomb(run: Path) -> None:
    with zipfile.ZipFile(run / "checkpoints" / "best.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}." + bytes(2**24))


def saved(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for name in ("best", "last"):
        path = run / "checkpoints" / f"{name}.pt"
        state = torch.load(path, weights_only=True)
        change(state)
        checkpoint_file.write(path, state)  # a stranger can compute the checksum, too
    alone(run)


def alone(run: Path) -> None:
    """Removes the checkpoints before the newest ones, which would be used instead."""
    for path in (run / "checkpoints").glob("*.previous.pt"):
        path.unlink()


CHECKPOINTS: Mapping[str, Callable[[Path], object]] = {
    "a bomb": zip_bomb,
    "a pickle": lambda run: (run / "checkpoints/best.pt").write_bytes(b"cos\nsystem\n(S'touch PWNED'\ntR."),
    "nothing": lambda run: (run / "checkpoints/best.pt").write_bytes(b""),
    "the format alone": lambda run: saved(run, lambda s: [s.pop(key) for key in list(s) if key != "format"]),
    "tensors of text": lambda run: saved(run, lambda s: s.update(tensors=dict.fromkeys(s["tensors"], "x"))),
    "views of one number": lambda run: saved(
        run, lambda s: s.update(tensors={k: torch.zeros(1).expand(10**6) for k in s["tensors"]})
    ),
    "progress of text": lambda run: saved(run, lambda s: s["progress"].update(step="x")),
    "no progress": lambda run: saved(run, lambda s: s.update(progress={})),
    "moments of nothing": lambda run: saved(run, lambda s: s.update(moments=[])),
    "other tensors": lambda run: saved(run, lambda s: s.update(tensors={"a": torch.zeros(2)})),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_forged_checkpoint_is_one_sentence(kind: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CHECKPOINTS[kind](run)
    alone(run)
    refused(run, "sample", capsys)


OPTIMIZER = ({}, {"state": 3, "param_groups": []}, {"state": {}, "param_groups": [{"params": ["x"]}]}, {"x": {}})


@pytest.mark.parametrize(
    "change", [{"optimizer": state} for state in OPTIMIZER] + [{"meter": {"x": 1}}, {"generators": 3}]
)
def test_a_forged_state_of_training_is_one_sentence(
    change: dict[str, Any], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(run, lambda state: state.update(change))
    (run / "summary.json").unlink()
    refused(run, "resume", capsys)


SUMMARIES = (
    "[]", "3", "null", "{}", '{"data": []}', '{"data": 3, "metrics": [], "about": 3}', "[" * 100_000, '{"status": {}}',
    '{"data": {"name": {}, "binarize": 1, "shape": ["x"], "support": [], "split_sizes": 3}}',
    '{"data": {"name": "x", "binarize": "static", "shape": [10000000000], "support": "binary", "split_sizes": {}}}',
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", SUMMARIES, ids=lambda text: text[:40])
def test_a_summary_of_odd_content_is_survived(text: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("sample", "compare", "at", "resume"):
        (run / "summary.json").write_text(text)
        capsys.readouterr()
        code = cli.dispatch(READERS[command](run))
        err = capsys.readouterr().err
        assert code in (0, 2), (command, err)
        assert "Traceback" not in err


RECORDS = (
    b"[" * 100_000 + b"\n", b'{"step": "x"}\n', b'{"step": {}}\n', b"\xff\xfe\n", b'{"step": 1, "elbo/train": []}\n',
    b'{"step": 1, "x": "' + b"a" * 2**21 + b'"}\n', b'{"step": 1' + b"0" * 5000 + b"}\n", b"\n" * 1000,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("text", RECORDS, ids=lambda text: repr(text[:20]))
def test_records_of_odd_content_are_survived(text: bytes, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("sample", "at", "resume"):
        (run / "metrics.jsonl").write_bytes(text)
        if command == "resume":
            (run / "summary.json").unlink()
        capsys.readouterr()
        code = cli.dispatch(READERS[command](run))
        err = capsys.readouterr().err
        assert code in (0, 2), (command, err)
        assert "Traceback" not in err
        assert "internal error" not in err
