"""One set of rules for configurations and for objects: a class declares in its source what Python says of it."""

import itertools

import pytest
import torch
from hydra.utils import get_class

from tests.problems import objective
from vaerun.config import hydra
from vaerun.config.catalogue import Catalogue
from vaerun.config.class_info import ClassInfo, class_info, info_of_type
from vaerun.config.legality import clashes
from vaerun.config.part import Part, parts_of_objects
from vaerun.estimator.analytic_kl import AnalyticKL
from vaerun.estimator.baseline.leave_one_out import LeaveOneOut
from vaerun.estimator.reparam import Reparam
from vaerun.estimator.score import Score
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.model.prior.categorical import CategoricalPrior
from vaerun.posterior.bernoulli import Bernoulli
from vaerun.posterior.categorical import Categorical
from vaerun.posterior.gaussian import Gaussian

CATALOGUE = Catalogue([hydra.own_directory()])
OPTIONS = [
    option
    for group in ("estimator", "estimator/baseline", "objective", "posterior", "model", "model/prior")
    for option in CATALOGUE.groups[group].values()
]


def declared(info: ClassInfo) -> dict[str, object]:
    """What the rules read."""
    q = info.classes("posterior")
    return {
        "ancestry": {name for name in info.ancestry if name.startswith("vaerun")},
        "abstract": info.abstract,
        "needs": info.declared("needs"),
        "serves": info.declared("serves"),
        "support": info.attributes.get("support"),
        "block": info.attributes.get("block"),
        "closed_form_with": [one.declared("closed_form_with") for one in q],
        "q": [({name for name in one.ancestry if name.startswith("vaerun")}, one.abstract) for one in q],
    }


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_a_class_declares_the_same_in_its_source_and_when_it_is_imported(option) -> None:
    target = str(option.content["_target_"])
    assert declared(class_info(target)) == declared(info_of_type(get_class(target)))


def test_the_same_choices_clash_in_the_same_words() -> None:
    """Estimators by posteriors by objectives: read from source, and imported."""
    groups = [CATALOGUE.groups[group].values() for group in ("estimator", "posterior", "objective")]
    model, prior = CATALOGUE.groups["model"]["vae"], CATALOGUE.groups["model/prior"]["standard_normal"]
    found = set()
    for options in itertools.product(*groups):
        chosen = {option.group: option for option in (*options, model, prior)}
        read = {g: Part(g, "", class_info(str(o.content["_target_"])), {}) for g, o in chosen.items()}
        real = {g: Part(g, "", info_of_type(get_class(str(o.content["_target_"]))), {}) for g, o in chosen.items()}
        assert list(clashes(read)) == list(clashes(real))
        found.add(any(clashes(read)))
    assert found == {True, False}


def sentences(**objects: object) -> list[str]:
    rest = {
        "posterior": Gaussian(latent_dim=2),
        "model": LinearGaussian(latent_dim=2, data_mean=torch.zeros(3), data_std=1.0),
        "objective": objective("elbo", 2),
        "estimator": Reparam(),
    }
    parts = {**rest, **{name.replace("__", "/"): thing for name, thing in objects.items()}}
    return [clash.why for clash in clashes(parts_of_objects(parts))]


def test_objects_are_called_by_their_class() -> None:
    assert sentences() == []
    assert sentences(posterior=Bernoulli(latent_dim=2)) == [
        "Bernoulli is over binary z, but LinearGaussian is over real z",
        "Reparam needs a reparameterized posterior, but Bernoulli has no differentiable sampler",
    ]
    assert sentences(estimator=AnalyticKL(), objective=objective("iwae", 2)) == [
        "AnalyticKL is valid for objectives that average the rewards only, not for IWAE"
    ]
    assert sentences(estimator=AnalyticKL(), model__prior=CategoricalPrior(latent_dim=4, num_classes=2))[-1] == (
        "AnalyticKL needs KL(q ‖ p(z)) in closed form, which Gaussian does not have with CategoricalPrior"
    )


def test_blocks_and_a_density_are_those_of_the_object_and_not_of_its_class() -> None:
    prior = CategoricalPrior(latent_dim=4, num_classes=4)
    score = {"estimator": Score(baseline=LeaveOneOut()), "model": object(), "model__prior": prior}
    assert sentences(posterior=Categorical(latent_dim=4, num_classes=4), **score) == []
    (why,) = sentences(posterior=Categorical(latent_dim=4, num_classes=2), **score)
    assert why.startswith("posterior.num_classes=2 and model.prior.num_classes=4 must be equal")


def test_what_stands_inside_an_estimator_has_needs_of_its_own() -> None:
    class Bits:
        needs = (Bernoulli.posterior,)

    (why,) = sentences(estimator__baseline=Bits())
    assert why.startswith("Bits needs a posterior of independent bits, but Gaussian is not one")
