"""What cannot work is refused before the first step, in one sentence with a remedy; what can is not."""

import re

import pytest

from tests.composition import composed
from vaerun.config import hydra
from vaerun.config.catalogue import Catalogue
from vaerun.config.check import RUNTIME, check
from vaerun.config.check.keys import FACTS
from vaerun.config.check.pairs import swap
from vaerun.config.check.parts import parts_of
from vaerun.config.check.values import _check_type
from vaerun.config.class_info import class_info
from vaerun.config.legality import clashes
from vaerun.config.part import Part
from vaerun.config.trust import trusting
from vaerun.errors import UserError


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue([hydra.own_directory()])


def refusal(*overrides, config_dir=None):
    """The sentence that ``vaerun train OVERRIDES`` is refused with; empty where it is not."""
    cfg, choices = composed(overrides) if config_dir is None else hydra.compose(overrides, config_dir)
    roots = [hydra.own_directory(), *([config_dir] if config_dir else [])]
    try:
        check(cfg, choices, roots)
    except UserError as error:
        return str(error)
    return ""


LEGAL = (
    (),
    ("posterior=bernoulli", "estimator=score"),
    ("posterior=bernoulli", "estimator=score", "estimator/baseline=leave_one_out", "objective.num_samples=2"),
    ("estimator=analytic_kl", "model=linear_gaussian", "data=linear_gaussian"),
    ("objective=iwae", "estimator=score", "strategy=coordinate"),
    ("objective/kl_weight=linear", "trainer.epochs=10", "strategy=joint", "data.binarize=threshold"),
    ("data.binarize=dynamic", "strategy=amortized", "model/likelihood=gaussian", "optimizer.learning_rate=1"),
    ("execution.threads=2", "data=mnist", "data.root=/data", "amortizer.hidden=[]"),
)


@pytest.mark.parametrize("overrides", LEGAL, ids=" ".join)
def test_what_can_work_is_not_refused(overrides):
    assert refusal(*overrides) == ""


ILLEGAL = {
    ("data=arrays", "data.path=x.npz", "data.condition=kind"): [
        "data.condition must be y or null, got kind.",
        "data.label",
    ],
    ("posterior=bernoulli",): [
        "estimator=reparam needs a reparameterized posterior, but posterior=bernoulli has no differentiable sampler.",
        "Use estimator=score",
        "or posterior=gaussian",
    ],
    ("estimator=score", "estimator/baseline=leave_one_out"): [
        "objective.num_samples must be at least 2 with estimator/baseline=leave_one_out, got 1",
        "use objective.num_samples=2",
    ],
    ("estimator=analytic_kl", "objective=iwae"): [
        "estimator=analytic_kl is valid for objectives that average the rewards only, not for objective=iwae",
        "estimator=reparam",
        "objective=elbo",
    ],
    ("strategy=coordinate", "data.binarize=dynamic"): [
        "strategy=coordinate",
        "data.binarize=static",
        "strategy=amortized",
    ],
    ("objective/kl_weight=linear", "trainer.epochs=9"): [
        "objective.kl_weight.epochs must be at most trainer.epochs=9, got 10",
    ],
    ("objective/kl_weight=linear", "objective.kl_weight.epochs=100.5"): [
        "objective.kl_weight.epochs must be at most trainer.epochs=100, got 100.5"
    ],
    ("model/prior=bernoulli",): ["posterior=gaussian is over real z, but model/prior=bernoulli is over binary z"],
    ("objective.num_samples=0",): ["objective.num_samples must be at least 1, got 0."],
    ("objective.num_samples=10000000000000000000",): ["objective.num_samples must be below 2^63, got 1"],
    ("trainer.epochs=0",): ["trainer.epochs must be at least 1, got 0."],
    ("trainer.batch_size=-1",): ["trainer.batch_size must be at least 1, got -1."],
    ("model.latent_dim=0",): ["model.latent_dim must be at least 1, got 0."],
    ("objective.num_samples=1.5",): ["objective.num_samples must be a whole number, got 1.5."],
    ("trainer.epochs=many",): ["trainer.epochs must be a whole number, got many."],
    ("model.bias_from_data=3",): ["model.bias_from_data must be true or false, got 3."],
    ("model.decoder.hidden=200",): ["model.decoder.hidden must be a list, each item a whole number, got 200."],
    ("seed=-1",): ["seed must be a whole number from 0 to 2^63 − 1, got -1."],
    ("seed=true",): ["seed must be a whole number from 0 to 2^63 − 1, got true."],
    ("+strategi=joint",): ["'strategi' is not a key of a run.", "Did you mean 'strategy'?"],
    ("+estimator.foo=1",): ["estimator.foo is not a key of estimator=reparam."],
    ("trainer.records.every=0",): ["trainer.records.every must be at least 1, got 0."],
    ("trainer.checkpoints.seconds=-1",): ["trainer.checkpoints.seconds must be at least 0, got -1."],
    ("trainer.validation.num_samples=0",): ["trainer.validation.num_samples must be at least 1, got 0."],
    ("trainer.max_decoder_evaluations=0",): ["trainer.max_decoder_evaluations must be > 0, got 0: use null for no"],
    ("posterior=categorical", "estimator=score", "model.prior.num_classes=5"): [
        "posterior.num_classes=10 and model.prior.num_classes=5 must be equal"
    ],
    ("+trainer.epoch=3",): ["trainer.epoch is not a key of trainer=default.", "Did you mean 'epochs'?"],
    ("+estimator.baseline.decai=0.5", "estimator=score"): [
        "estimator.baseline.decai is not a key of estimator/baseline=moving_average.",
        "Did you mean 'decay'?",
    ],
    ("+posterior.latent_dim=3",): ["posterior.latent_dim cannot be set, because vaerun derives it"],
    ("+model.data_mean=0",): ["model.data_mean cannot be set, because vaerun derives it"],
    ("~trainer",): ["trainer is not chosen, but every run needs one: use trainer=default"],
    ("~model.latent_dim",): ["model=vae needs a value for latent_dim: give model.latent_dim=VALUE"],
    ("++posterior._target_=vaerun.posterior.gaussian.Gausian",): ["has no Gausian.", "Did you mean 'Gaussian'?"],
    ("++posterior._target_=vaerun.posterior.gausian.Gaussian",): ["has no gausian.", "Did you mean 'gaussian'?"],
    ("++posterior._target_=nowhere.Gaussian",): ["nowhere is neither in this folder nor on Python's path: change to"],
}


@pytest.mark.parametrize("overrides", ILLEGAL, ids=" ".join)
def test_what_cannot_work_is_refused_with_a_remedy(overrides):
    sentence = refusal(*overrides)
    for part in ILLEGAL[overrides]:
        assert part in sentence
    assert "\n" not in sentence


def test_every_remedy_of_a_sentence_is_legal(catalogue):
    """Whatever pair is refused, each GROUP=OPTION that the sentence offers is one whose swap leaves no clash."""
    cfg, choices = hydra.compose(["posterior=bernoulli"])
    parts = parts_of(cfg, choices)
    offered = re.findall(r"(\w+)=(\w+)", refusal("posterior=bernoulli").partition("Use ")[2])
    assert offered
    for group, option in offered:
        assert not list(clashes(swap(parts, catalogue.option(group, option), catalogue)))


def test_a_remedy_takes_back_what_the_replaced_option_had_set_elsewhere(catalogue):
    cfg, choices = hydra.compose(["posterior=bernoulli"])
    swapped = swap(parts_of(cfg, choices), catalogue.option("posterior", "gaussian"), catalogue)
    assert swapped["model/prior"].option == "standard_normal"
    back = swap(swapped, catalogue.option("posterior", "bernoulli"), catalogue)
    assert back["model/prior"].option == "bernoulli"


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A user's own package and YAML files: classes that vaerun has never heard of."""
    (tmp_path / "lab.py").write_text(
        "from vaerun.estimator.base import Estimator\n"
        "from vaerun.objective.iwae import IWAE\n"
        "from vaerun.posterior.base import Posterior, Family, Enumerable\n"
        "from vaerun.data.base import Source\n"
        "class Odd(Posterior):\n    def sample(self, k): ...\n    def log_prob(self, z): ...\n"
        "class OddFamily(Family):\n    posterior = Odd\n    support = 'real'\n"
        "class Picky(Estimator):\n    needs = (Enumerable,)\n    serves = (IWAE,)\n    remedy = 'Or read the paper.'\n"
        "class Grey(Source):\n    support = 'unit'\n    def __init__(self, *, binarize: str = 'none'): ...\n"
    )
    for group, target in {"posterior/odd": "OddFamily", "estimator/picky": "Picky", "data/grey": "Grey"}.items():
        path = tmp_path / "conf" / f"{group}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"_target_: lab.{target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with trusting(["lab"]):
        yield tmp_path / "conf"


def test_classes_of_the_users_own_are_covered_unasked(lab):
    assert "estimator=reparam needs a reparameterized posterior, but posterior=odd" in refusal(
        "posterior=odd", config_dir=lab
    )
    picky = refusal("estimator=picky", config_dir=lab)
    assert "estimator=picky needs a posterior over a finite set" in picky
    assert picky.endswith("Or read the paper.")
    sentence = refusal("estimator=picky", "posterior=bernoulli", config_dir=lab)
    assert "valid for the importance-weighted bound only" in sentence
    assert refusal("estimator=picky", "posterior=bernoulli", "objective=iwae", config_dir=lab) == ""


def test_grey_data_under_a_binary_likelihood_where_the_source_says_what_it_holds(lab):
    assert "model/likelihood=bernoulli is a distribution over {0, 1}, but data=grey has values in [0, 1]" in refusal(
        "data=grey", config_dir=lab
    )
    assert refusal("data=grey", "model/likelihood=cross_entropy", config_dir=lab) == ""
    assert refusal("data=grey", "+data.binarize=static", config_dir=lab) == ""


def test_a_mistyped_key_inside_the_users_own_yaml(lab):
    (lab / "data" / "grey.yaml").write_text("_target_: lab.Grey\nbinarise: static\n")
    assert "data.binarise is not a key of data=grey. Did you mean 'binarize'?" in refusal("data=grey", config_dir=lab)


def test_a_file_of_ones_own_that_does_not_fit_its_class(lab):
    """Each remedy names the file, because no word of the command line alone would help."""
    file = lab / "data" / "grey.yaml"
    file.write_text("_target_: lab.Grey\nsomething: 3\n")
    assert f"{file} sets something, but lab.Grey takes no argument something" in refusal("data=grey", config_dir=lab)
    file.write_text("target: lab.Grey\n")
    assert f"data=grey names no class: write the line '_target_: MODULE.CLASS' into {file}." in refusal(
        "data=grey", config_dir=lab
    )


def test_an_argument_that_the_file_lacks_is_given_by_a_word_that_works(tmp_path, monkeypatch):
    write_own(tmp_path, "class E(Estimator):\n    def __init__(self, tau: float):\n        super().__init__()\n")
    monkeypatch.chdir(tmp_path)
    with trusting(["ownlab"]):
        said = refusal("estimator=e", config_dir=tmp_path / "conf")
        assert "needs a value for tau, which" in said
        assert "give +estimator.tau=VALUE." in said
        assert refusal("estimator=e", "+estimator.tau=3.0", config_dir=tmp_path / "conf") == ""


@pytest.mark.parametrize(
    ("code", "target", "sentence"),
    [
        ("class E(:\n", "ownlab.own.E", "own.py, line 2, is not Python (invalid syntax): correct the file."),
        ("class E(Estimator):\n    pass\n", "ownlab.owm.E", "because ownlab has no owm. Did you mean 'own'?"),
    ],
)
def test_a_module_of_ones_own_that_cannot_be_read(tmp_path, monkeypatch, code, target, sentence):
    """A package without __init__.py is one, and a mistake in its file is not a package that is missing."""
    write_own(tmp_path, code, target)
    monkeypatch.chdir(tmp_path)
    with trusting(["ownlab"]):
        assert sentence in refusal("estimator=e", config_dir=tmp_path / "conf")


def write_own(folder, code, target="ownlab.own.E"):
    """A module with this code and the option estimator=e in a folder."""
    for place in ("ownlab", "conf/estimator"):
        (folder / place).mkdir(parents=True)
    (folder / "ownlab" / "own.py").write_text(f"from vaerun.estimator.base import Estimator\n{code}")
    (folder / "conf" / "estimator" / "e.yaml").write_text(f"_target_: {target}\n")


def test_a_closed_form_holds_for_the_priors_it_names(catalogue):
    cfg, choices = hydra.compose(["estimator=analytic_kl"])
    parts = parts_of(cfg, choices)
    other = Part("model/prior", "mine", catalogue.option("model/prior", "bernoulli").info, {})
    sentences = [clash.why for clash in clashes({**parts, "model/prior": other})]
    assert any("posterior=gaussian does not have with model/prior=mine" in why for why in sentences)


@pytest.mark.parametrize(
    ("value", "annotation", "fits"),
    [
        (1, "int", True),
        (True, "int", False),
        (1.0, "int", False),
        (1, "float", True),
        ("1", "float", False),
        (None, "int | None", True),
        (None, "int", False),
        ("cpu", "Literal['cpu', 'cuda']", True),
        ("cuda0", "Literal['cpu', 'cuda']", False),
        ([1, 2], "Sequence[int]", True),
        ([1, "2"], "list[int]", False),
        ([1, 2], "tuple[int, ...]", True),
        ("x", "'str'", True),
        (object(), "Schedule", True),
        ({}, "Callable[..., Decoder]", True),
    ],
)
def test_types_are_read_from_annotations(value, annotation, fits):
    if fits:
        _check_type("a.b", value, annotation)
    else:
        with pytest.raises(UserError, match=r"a\.b must be .*, got "):
            _check_type("a.b", value, annotation)


def test_runtime_arguments_are_parameters_of_the_shipped_classes(catalogue):
    """A name in the table that no class has any more would let a user's key of that name through unexplained."""
    for group, names in RUNTIME.items():
        infos = [option.info for option in catalogue.groups.get(group, {}).values()]
        if group == "optimizer/method":  # no folder: every class of torch.optim
            infos = [class_info("torch.optim.RAdam")]
        have = {parameter for info in infos for parameter in info.parameters}
        spare = {*FACTS, "initial", "guide"}  # offered to whoever asks for them
        assert set(names) - spare <= have, group


def test_every_shipped_option_names_a_class_with_a_summary_and_known_keys(catalogue):
    for options in catalogue.groups.values():
        for option in options.values():
            assert option.info is not None, option
            assert option.info.summary, option


def test_no_key_has_the_name_of_a_group_beside_it(catalogue):
    """``group.key=value`` would be taken for a bare value in the place of a choice, and refused."""
    for group, options in catalogue.groups.items():
        for option in options.values():
            for key, value in option.content.items():
                assert isinstance(value, dict) or f"{group}/{key}" not in catalogue.groups, (str(option), key)


@pytest.mark.parametrize(
    ("support", "overrides", "said"),
    [
        ("unit", (), "data=mine has values in [0, 1]. Use data.binarize=static, or model/likelihood="),
        ("real", (), "data=mine has values in the real numbers. Use model/likelihood=diagonal_gaussian, fixed_"),
        ("mixed", (), "data=mine has columns of several types."),
        ("unit", ("model/likelihood=cross_entropy",), ""),
        ("real", ("model/likelihood=gaussian",), ""),
        ("binary", (), ""),
    ],
)
def test_data_that_have_been_read_are_held_to_the_same_rule(support, overrides, said):
    """A file says only when it is read what it holds."""
    from vaerun.data.base import DataInfo
    from vaerun.experiment.fitting import refuse_unfit_data
    from vaerun.experiment.make import plain

    cfg, choices = hydra.compose(overrides)
    facts = DataInfo(name="mine", binarize="none", support=support, shape=(2,), split_sizes=(3, 1, 1))
    config = plain(cfg) | {"choices": choices}
    if said:
        with pytest.raises(
            UserError, match=re.escape(f"model/likelihood=bernoulli is a distribution over {{0, 1}}, but {said}")
        ):
            refuse_unfit_data(config, facts)
    else:
        refuse_unfit_data(config, facts)
