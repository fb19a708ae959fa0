"""ClassInfo read from source agree with what Python says of the same class."""

import inspect
import subprocess
import sys

import pytest

from vaerun.config.class_info import Parameter, class_info
from vaerun.config.source_index import names_in

CLASSES = (
    "vaerun.estimator.score.Score",
    "vaerun.posterior.gaussian.Gaussian",
    "vaerun.posterior.bernoulli.IndependentBernoulli",
    "vaerun.schedule.linear.Linear",
    "vaerun.objective.iwae.IWAE",
    "vaerun.model.vae.VAE",
    "vaerun.strategy.coordinate.Coordinate",
    "vaerun.data.base.Dataset",
)


@pytest.mark.parametrize("target", CLASSES)
def test_constructor_and_ancestry_are_those_of_the_imported_class(target):
    from hydra.utils import get_class

    real = get_class(target)
    read = class_info(target)
    signature = inspect.signature(real).parameters.values()
    assert {name: p.required for name, p in read.parameters.items()} == {
        p.name: p.default is p.empty for p in signature
    }
    ours = {f"{base.__module__}.{base.__qualname__}" for base in real.__mro__ if base.__module__.startswith("vaerun")}
    assert {name for name in read.ancestry if name.startswith("vaerun")} == ours


def test_class_attributes_are_literals_or_dotted_names():
    assert class_info("vaerun.estimator.analytic_kl.AnalyticKL").attributes["needs"] == (
        "vaerun.posterior.base.Reparameterized",
        "vaerun.posterior.base.ClosedFormKL",
    )
    assert class_info("vaerun.posterior.gaussian.Gaussian").attributes["support"] == "real"
    assert class_info("vaerun.posterior.gaussian.Gaussian").attributes["posterior"].endswith(".DiagonalGaussian")


def test_attributes_are_inherited_and_an_annotation_alone_is_none():
    assert class_info("vaerun.estimator.score.Score").declared("serves") == ("vaerun.objective.base.Objective",)
    assert class_info("vaerun.strategy.joint.Joint").attributes["per_point"] is True
    assert class_info("vaerun.posterior.base.ClosedFormKL").attributes["closed_form_with"] is None


def test_summary_and_reference_come_from_the_docstring():
    read = class_info("vaerun.objective.iwae.IWAE")
    assert read.summary.startswith("J(r) = logsumexp")
    assert read.reference.startswith("Burda, Grosse, Salakhutdinov 2016")
    assert "Reference" not in read.reference


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose code must not run: it raises when it is imported."""
    folder = tmp_path / "lab"
    (folder / "inner").mkdir(parents=True)
    for init in (folder / "__init__.py", folder / "inner" / "__init__.py"):
        init.write_text("raise RuntimeError('imported')\n")
    (folder / "inner" / "base.py").write_text(
        "from vaerun.estimator.reparam import Reparam\n"
        "class Base(Reparam):\n    mark = 'base'\n    def __init__(self, a: int, *, b: float = 1.0): ...\n"
    )
    (folder / "mine.py").write_text(
        "from .inner import base\nfrom .inner.base import Base as Renamed\n"
        "class Mine(Renamed):\n    '''f(x).\n\n    Reference: Me 2026.\n    '''\n    other: int = 3\n"
        "class Through(base.Base):\n    mark = 'through'\n    def __init__(self, **rest): ...\n    late = (Mine, 1)\n"
        "class Bare:\n    mark: str\n"
        "class Both(Bare, base.Base): ...\n"
        "def make(x: str, y=2): '''A function.'''\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "lab"


def test_no_code_of_the_package_runs_and_bases_resolve_through_imports(package):
    mine = class_info("lab.mine.Mine")
    assert mine.parameters == {"a": Parameter("int", True), "b": Parameter("float", False)}
    assert mine.attributes["mark"] == "base"
    assert mine.declared("needs") == ("vaerun.posterior.base.Reparameterized",)
    assert (mine.summary, mine.reference) == ("f(x).", "Me 2026.")
    assert "vaerun.estimator.base.Estimator" in mine.ancestry


def test_an_annotation_in_one_base_does_not_hide_the_value_in_another(package):
    assert class_info("lab.mine.Both").attributes["mark"] == "base"
    assert class_info("lab.mine.Bare").attributes["mark"] is None


def test_keyword_arguments_functions_and_what_follows_the_constructor(package):
    through = class_info("lab.mine.Through")
    assert through.accepts_any
    assert through.parameters == {}
    assert through.attributes["mark"] == "through"
    assert through.attributes["late"] == ("lab.mine.Mine", 1)
    make = class_info("lab.mine.make")
    assert make.parameters == {"x": Parameter("str", True), "y": Parameter("", False)}
    assert make.summary == "A function."


@pytest.mark.parametrize(
    "target", ["vaerun.nothing.Here", "vaerun.bound.bound.Bund", "no_such_package.x.Y", "plain", "", "itertools.count"]
)
def test_nothing_of_that_name_is_a_lookup_error(target):
    with pytest.raises(LookupError):
        class_info(target)


def test_names_in_lists_what_a_typo_can_have_meant():
    assert "Reparam" in names_in("vaerun.estimator.reparam")
    assert {"reparam", "score", "baseline"} <= set(names_in("vaerun.estimator"))
    assert names_in("no_such_package") == []


def test_reading_imports_no_torch():
    imported = "import sys; from vaerun.config.class_info import class_info"
    code = f"{imported}; class_info('vaerun.model.vae.VAE'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
