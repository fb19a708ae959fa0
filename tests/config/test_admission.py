"""Which classes may be built: read from source, and nothing is imported."""

import sys
from pathlib import Path

import pytest

from vaerun.config import hydra
from vaerun.config.admission import BASES, NotTrustedError, Place, admitted, asked, check_targets
from vaerun.config.catalogue import Catalogue
from vaerun.config.class_info import class_info
from vaerun.config.trust import trusting
from vaerun.errors import UserError

MODULE = """
raise RuntimeError("imported")
from vaerun.estimator.base import Estimator
from vaerun.estimator.reparam import Reparam as Renamed
from vaerun.schedule.base import Schedule
from collections.abc import Callable
from elsewhere import Other
import vaerun.posterior.base as q
class Direct(Estimator):
    def __init__(self, rate: Schedule | None, late: "Callable[..., q.Family]", bare, number: int = 0): ...
class Through(Renamed): ...
class Dotted(q.Family): ...
class Circle(Circle): ...
class Unrelated: ...
class Estimator2(Unrelated, Missing, make()): ...
def function(): ...
alias = Direct
"""


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in the current folder, which is not on Python's path."""
    (tmp_path / "admission_lab.py").write_text(MODULE)
    (tmp_path / "other_lab.py").write_text("from admission_lab import Direct\n")
    monkeypatch.chdir(tmp_path)


def test_a_class_of_the_group_is_admitted_if_its_package_is_trusted() -> None:
    for name in ("Direct", "Through"):
        with pytest.raises(NotTrustedError, match="add trust=admission_lab"):
            admitted("estimator", f"admission_lab.{name}")
        with trusting(["admission_lab"]):
            assert admitted("estimator", f"admission_lab.{name}") == Place("admission_lab", name)
    with trusting(["admission_lab"]):
        assert admitted("posterior", "admission_lab.Dotted").name == "Dotted"
    assert "admission_lab" not in sys.modules


@pytest.mark.parametrize("name", ["Circle", "Unrelated", "Estimator2", "function", "alias", "Other", "q", "Renamed"])
def test_trust_is_no_passport_for_what_is_no_class_of_the_group(name: str) -> None:
    with trusting(["admission_lab", "elsewhere"]), pytest.raises(UserError):
        admitted("posterior", f"admission_lab.{name}")


def test_a_name_that_leads_into_another_package_needs_both() -> None:
    for names, missing in ((["other_lab"], "admission_lab"), (["admission_lab"], "other_lab")):
        with trusting(names), pytest.raises(NotTrustedError, match=rf"trust=\[{names[0]},{missing}\]"):
            admitted("estimator", "other_lab.Direct")
    with trusting(["other_lab", "admission_lab"]):
        assert admitted("estimator", "other_lab.Direct") == Place("admission_lab", "Direct")


def test_a_nested_class_is_held_to_the_annotation_of_the_constructor() -> None:
    direct = Place("admission_lab", "Direct")
    assert asked(direct, "rate") == (("vaerun.schedule.base.Schedule",), False)
    assert asked(direct, "late")[1]
    assert "vaerun.posterior.base.Family" in asked(direct, "late")[0]
    assert asked(direct, "bare") == asked(direct, "number") == asked(direct, "none") == ((), False)
    constant = {"_target_": "vaerun.schedule.constant.Constant", "constant": 1.0}
    with trusting(["admission_lab"]):
        check_targets({"estimator": {"_target_": "admission_lab.Direct", "rate": constant}})
        for wrong in (
            {"bare": constant},
            {"number": constant},
            {"late": constant},
            {"rate": {**constant, "_partial_": True}},
        ):
            with pytest.raises(UserError):
                check_targets({"estimator": {"_target_": "admission_lab.Direct", **wrong}})


def test_the_base_of_a_group_is_the_annotation_of_the_constructors_around_it() -> None:
    for group, some in Catalogue([hydra.own_directory()]).groups.items():
        for option in some.values():
            for key, parameter in option.info.parameters.items() if option.info else ():
                inner = f"{group}/{key}"
                if inner in BASES:
                    place = admitted(group, option.content["_target_"])
                    (base,) = BASES[inner]
                    assert any(base in class_info(kind).ancestry for kind in asked(place, key)[0]), (inner, parameter)
