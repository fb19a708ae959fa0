"""Which runs belong together, and what each configuration is called."""

from pathlib import Path

from tests.report.fabricate import config
from vaerun.report.configuration import group, names, settings
from vaerun.report.recorded import Recorded


def recorded(made, directory="run", reason=None):
    return Recorded(Path(directory), made, {}, "completed", reason)


def named(*configs):
    groups = group(recorded(made) for made in configs)
    return names(groups, settings(groups))


def test_seeds_and_places_make_no_difference_and_all_else_does():
    here, there = config(seed=0), config(seed=1)
    there["execution"] |= {"device": "cuda", "threads": 8}
    there["data"] |= {"root": "/elsewhere"}
    there["choices"] |= {"experiment": "mine"}
    assert len(group(map(recorded, [here, there]))) == 1
    assert len(group(map(recorded, [here, config(optimizer__learning_rate=0.1)]))) == 2


def test_one_configuration_is_called_by_its_strategy():
    assert named(config(), config(seed=1)) == ["amortized"]


def test_choices_come_first_and_explain_what_differs_because_of_them():
    joint = config(strategy="joint")
    joint["strategy"]["theta_steps"] = 1
    assert named(config(), joint) == ["amortized", "joint"]
    other = config(strategy="joint")
    other["strategy"]["theta_steps"] = 5
    assert named(config(), joint, other) == ["amortized", "joint theta_steps=1", "joint theta_steps=5"]


def test_a_choice_of_nothing_is_none():
    other = config(strategy="joint")
    other["choices"]["experiment"] = None
    assert named(config(), other) == ["amortized", "joint"]
    other["choices"]["experiment"] = "mine"
    assert named(config(), other) == ["amortized", "joint experiment=mine"]


def test_keys_are_as_short_as_they_can_be():
    assert named(config(), config(optimizer__learning_rate=1e-05)) == ["learning_rate=0.001", "learning_rate=1e-05"]
    a, b = config(objective__num_samples=1, evaluation__num_samples=1), config(objective__num_samples=2)
    b["evaluation"]["num_samples"] = 9
    a["estimator"]["hidden"], b["estimator"]["hidden"] = [20, 10], None
    assert named(a, b) == [
        "hidden=[20,10] evaluation.num_samples=1 objective.num_samples=1",
        "hidden=null evaluation.num_samples=9 objective.num_samples=2",
    ]


def test_groups_of_a_choice_that_is_no_noun_are_named():
    a, b = config(), config()
    a["choices"]["model/prior"], b["choices"]["model/prior"] = "vamp", "standard_normal"
    b["model"]["prior"] = {"_target_": "vaerun.model.prior.standard_normal.StandardNormal"}
    assert named(a, b) == ["prior=vamp", "prior=standard_normal"]


def test_the_choice_of_a_part_is_told_where_the_whole_does_not_tell_it():
    a, b, c = config(), config(strategy="joint"), config(strategy="joint")
    b["choices"]["strategy/phi_init"] = "previous"
    c["choices"]["strategy/phi_init"], c["strategy"]["start"] = "initial", "other"
    assert named(a, b) == ["amortized", "joint"]
    assert named(a, b, c) == [
        "amortized",
        "joint phi_init=previous",
        "joint phi_init=initial start=other",
    ]


def test_a_configuration_without_names_of_its_choices_is_told_by_its_classes():
    a, b = config(), config(strategy="joint")
    for made in (a, b):
        made["choices"] = {}
    assert named(a, b) == ["strategy=Amortized", "strategy=Joint"]


def test_a_run_without_a_configuration_is_called_by_its_directory_and_told_by_its_reason():
    jobs = [recorded({}, f"{n}_joint_reparam_seed{n}", "no.") for n in range(2)]
    jobs.append(recorded({}, "7_joint_reparam_seed7", "another reason"))
    groups = group(jobs)
    assert [len(runs) for runs in groups] == [2, 1]
    assert names(groups, settings(groups)) == ["joint_reparam", "joint_reparam (2)"]


def test_what_a_run_changes_is_told_beside_the_choice_that_differs():
    joint = config(strategy="joint")
    joint["strategy"] |= {"phi_steps": 1, "theta_steps": 5, "test_steps": 500}
    assert named(config(), joint) == ["amortized", "joint theta_steps=5"]  # the others are as joint has them
    assert named(config(optimizer__learning_rate=0.1), joint) == [
        "amortized learning_rate=0.1",
        "joint learning_rate=0.001 theta_steps=5",
    ]


def test_the_budget_is_told_even_where_it_is_that_of_the_choice():
    one, other = config(trainer={"epochs": 100}), config(strategy="joint", trainer={"epochs": 7})
    one["choices"]["trainer"], other["choices"]["trainer"] = "default", "short"
    assert named(one, other) == ["amortized trainer=default epochs=100", "joint trainer=short epochs=7"]


def test_a_nested_choice_other_than_the_usual_one_is_told():
    joint = config(strategy="joint")
    joint["choices"]["strategy/phi_init"] = "random"
    joint["strategy"]["phi_init"] = {"_target_": "vaerun.strategy.phi_init.random.RandomInit", "restarts": 4}
    assert named(config(), joint) == ["amortized", "joint phi_init=random"]


def test_a_value_that_refers_to_another_key_is_as_its_choice_gives_it():
    one, other = config(), config(strategy="joint")
    for made, classes in ((one, 10), (other, 3)):
        made["choices"] |= {"posterior": "categorical", "model/prior": "categorical"}
        made["posterior"] = {"_target_": "vaerun.posterior.categorical.Categorical", "num_classes": classes}
        made["model"] |= {"prior": {"_target_": "vaerun.model.prior.categorical.CategoricalPrior"}}
        made["model"]["prior"]["num_classes"] = classes
    assert named(one, other) == ["amortized num_classes=10", "joint num_classes=3"]
