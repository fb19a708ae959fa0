"""A mistake in a constructor or a module of the user's own is one sentence with its place."""

from pathlib import Path

import pytest
import torch

from vaerun.config.trust import trusting
from vaerun.errors import UserError
from vaerun.experiment.make import make

CLASS = """\
from vaerun.data.base import Source


class Mine(Source):
    def __init__(self, number=0):
        {line}

    def load(self): ...


def inverse(number):
    return 1 / number
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a package of this test alone, in the current folder; Python keeps what it has imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    name = f"lab_{abs(hash(request.node.name))}"
    (tmp_path / name).mkdir()
    return name


@pytest.mark.parametrize(
    ("line", "text", "number"),
    [
        ("{}['missing']", "KeyError: 'missing'", 6),
        ("[][3]", "IndexError: list index out of range", 6),
        ("inverse(number)", "ZeroDivisionError: division by zero", 12),
        ("self.nothing.more", "AttributeError: 'Mine' object has no attribute 'nothing'", 6),
        ("__import__('torch').zeros(2).reshape(3)", "RuntimeError: shape '[3]' is invalid for input of size 2", 6),
        ("raise NotImplementedError", "NotImplementedError", 6),
        ("raise SystemExit(3)", "SystemExit: 3", 6),
        ("__import__('sys').exit()", "SystemExit", 6),
    ],
)
def test_an_error_in_a_constructor_has_its_place(lab: str, line: str, text: str, number: int) -> None:
    Path(lab, "mine.py").write_text(CLASS.format(line=line))
    with trusting((lab,)), pytest.raises(UserError) as caught:
        make({"_target_": f"{lab}.mine.Mine"}, {}, group="data")
    assert str(caught.value) == (
        f"{lab}.mine.Mine cannot be made ({text}, in {lab}/mine.py, line {number}): change its keys, or correct the "
        "class."
    )


def test_an_error_on_import_has_its_place(lab: str) -> None:
    Path(lab, "mine.py").write_text(CLASS.format(line="pass") + "\n\nTABLE = inverse(0)\n")
    with trusting((lab,)), pytest.raises(UserError, match=rf"ZeroDivisionError: .*, in {lab}/mine.py, line 12"):
        make({"_target_": f"{lab}.mine.Mine"}, {}, group="data")


def test_an_exit_on_import_is_an_error(lab: str) -> None:
    Path(lab, "mine.py").write_text(CLASS.format(line="pass") + "\n\nraise SystemExit('no licence')\n")
    with trusting((lab,)), pytest.raises(UserError, match=rf"SystemExit: no licence, in {lab}/mine.py, line 15"):
        make({"_target_": f"{lab}.mine.Mine"}, {}, group="data")


def test_an_error_in_a_constructor_of_an_optimiser_has_its_place(lab: str) -> None:
    """The constructor of vaerun's own part calls it, because it needs the weights."""
    Path(lab, "mine.py").write_text(
        "import torch\n\n\nclass Mine(torch.optim.SGD):\n    def __init__(self, params, lr):\n        {}['missing']\n"
    )
    node = {
        "_target_": "vaerun.optimizer.torch_optimizer.TorchOptimizer",
        "method": {"_target_": f"{lab}.mine.Mine", "_partial_": True},
    }
    said = f"optimizer.method cannot be made .KeyError: 'missing', in {lab}/mine.py, line 6."
    with trusting((lab,)), pytest.raises(UserError, match=said):
        make(node, {"parameters": [torch.nn.Parameter(torch.zeros(2))], "schedule": None}, group="optimizer")
