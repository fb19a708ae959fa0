"""Every remedy that a sentence names works: it is read from the sentence and run."""

import logging
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.config.test_check import ILLEGAL
from tests.runs import TINY, records, train
from vaerun import cli
from vaerun.errors import UserError
from vaerun.experiment.option import composed

OPTION = re.compile(r"[\w/.]+=[\w.\[\],'\"-]+")


@pytest.fixture
def vaerun(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process and an empty folder: (exit code, stderr)."""
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
        return code, capfd.readouterr()[1]

    yield call
    root.handlers[:], root.level = before


@pytest.fixture
def checked(vaerun, monkeypatch):
    """Runs ``vaerun train`` up to the training, which is left out: (exit code, the sentence)."""
    import types

    module = types.ModuleType("vaerun.experiment.fit")
    module.fit = lambda cfg, choices, directory, *, live, words: None
    monkeypatch.setitem(sys.modules, "vaerun.experiment.fit", module)
    return lambda *words: vaerun("train", *words)


def key_of(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def put(words: tuple[str, ...], *remedies: str) -> list[str]:
    """The words with remedies in the place of what they replace; a nested choice of a replaced option goes, too."""
    keys = {key_of(word) for word in remedies}
    kept = [word for word in words if not any(key_of(word) == key for key in keys)]
    kept = [word for word in kept if not any(key_of(word).startswith(f"{key}/") for key in keys)]
    return [*kept, *remedies]


def options(sentence: str) -> list[list[str]]:
    """The alternatives that a sentence offers after "use", each a list of words: ``estimator=score or concrete``."""
    _, found, text = sentence.replace(" Use ", ": use ").replace(", or use ", ": use ").partition(": use ")
    if not found:
        _, _, text = sentence.partition(": give ")
    text = re.sub(r" or another \(vaerun list [\w/]+\)| or (less|more)|, or a longer run", "", text.strip().rstrip("."))
    alternatives: list[list[str]] = []
    for part in re.split(r", or | or |, ", text):
        words = OPTION.findall(part)
        if words:
            alternatives.append(words)
        elif re.fullmatch(r"\w+", part.strip()) and alternatives:
            alternatives.append([f"{key_of(alternatives[-1][0])}={part.strip()}"])  # estimator=score, CONCRETE or …
    return alternatives


MORE = (
    ("objective.kl_weight.epochs=3",),
    ("posterior.flows=8",),
    ("data=mnist", "data.valid_fraction=0.2"),
    ("strategy=coordinate", "data.binarize=dynamic"),
    ("posterior=bernoulli", "estimator=reparam"),
    ("posterior=gaussian", "estimator=disarm"),
    ("objective=iwae", "estimator=enumerate", "posterior=bernoulli"),
    ("estimator=score", "estimator/baseline=leave_one_out"),
    ("model=linear_gaussian", "model/prior=bernoulli"),
    ("posterior=bernoulli", "model=linear_gaussian"),
    ("objective/kl_weight=linear", "trainer.epochs=9"),
    ("posterior=mixture", "estimator=reparam"),
    ("posterior=gaussian", "estimator=stratified"),
    ("posterior=full_gaussian", "model/prior=categorical"),
)


def sentence_of(words: list[str]) -> str:
    """The sentence with which the words of a command line are refused; empty where they are accepted."""
    try:
        composed(words)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("words", [*ILLEGAL, *MORE], ids=" ".join)
def test_every_option_that_a_refusal_offers_is_accepted(words):
    sentence = sentence_of(list(words))
    assert sentence
    remedies = options(sentence)
    if "leave it out" in sentence:
        assert sentence_of([word for word in words if key_of(word) != sentence.split()[0]]) == "", sentence
    assert remedies or "leave it out" in sentence or words not in MORE
    for remedy in remedies:
        if not any(word.endswith(("=VALUE", "=OPTION", "=DIR")) for word in remedy):
            assert sentence_of(put(words, *remedy)) == "", f"{sentence}\n  {' '.join(remedy)}"


@pytest.mark.parametrize(
    ("words", "wrong", "right"),
    [
        (("trainer.epoch=3",), "trainer.epoch", "trainer.epochs"),
        (("strategy=amortised",), "amortised", "amortized"),
        (("trainer.log_every=5",), "trainer.log_every", "trainer.records.every"),
        (("+trainer.device=cpu",), "+trainer.device", "execution.device"),
        (("strategy/start=prior", "strategy=joint"), "strategy/start", "strategy/phi_init"),
        (("+trainer.epochs=3",), "+", ""),
        (("+estimator=score",), "+", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_word_that_was_meant_is_accepted(checked, words, wrong, right):
    code, sentence = checked(*words)
    assert code == 2
    assert f"Did you mean {right!r}?" in sentence or "leave out the +" in sentence
    assert checked(*[word.replace(wrong, right) for word in words])[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("plus", ["", "+"])
def test_a_key_that_only_a_part_of_a_sweep_has_leads_to_two_sweeps(checked, plus):
    sweep = ("-m", "hydra/launcher=basic")  # in this process, so that the training is left out
    code, sentence = checked(*sweep, "posterior=gaussian,planar,iaf", f"{plus}posterior.flows=8")
    assert code == 2
    assert "cannot run" in sentence
    assert checked(*sweep, "posterior=planar", "posterior.flows=8")[0] == 0
    assert checked(*sweep, "posterior=gaussian,iaf")[0] == 0


@pytest.mark.parametrize("word", ["data.path=a=b.npy", "data.path=a:b{.npy", 'data.path=it"s=x.npy'])
def test_a_value_with_special_characters_is_shown_in_quotes(checked, word):
    words = ("data=arrays", word)
    code, sentence = checked(*words)
    assert code == 2
    (quoted,) = shlex.split(sentence.rstrip(".\n").partition(" write ")[2])
    assert checked("data=arrays", quoted) == (0, "")


@pytest.mark.slow
def test_a_directory_with_an_equals_sign_is_a_directory(vaerun):
    train(Path("runs/lr=1"), "trainer.epochs=1", "evaluation.points=5")
    assert vaerun("eval", "runs/lr=1", "evaluation.points=5")[0] == 0
    code, sentence = vaerun("eval", "runs/lr=2")
    assert (code, sentence) == (
        2,
        "vaerun: runs/lr=2 is not a directory: give a run directory that vaerun train has written.\n",
    )


@pytest.mark.slow
def test_a_finished_run_is_trained_longer_as_if_it_had_been_started_so(vaerun):
    place = Path("some runs/lr=1")
    words = [*TINY, "evaluation.points=5", "strategy=joint", "hydra.run.dir='some runs/lr=1'"]
    assert vaerun("train", *words)[0] == 0
    longer = [word.replace("epochs=3", "epochs=5") for word in words]
    code, sentence = vaerun("train", *longer)
    assert code == 2
    command = sentence.partition("continue it with vaerun ")[2].partition(", or choose")[0]
    assert shlex.split(command) == ["train", f"resume={place.resolve()}", "trainer.epochs=5"]
    code, sentence = vaerun("train", f"resume={place}", "trainer.epochs=2")
    remedy = sentence.partition(": use ")[2].partition(" or more")[0]
    assert (code, remedy) == (2, "trainer.epochs=4")
    assert vaerun(*shlex.split(command))[0] == 0
    whole = Path("whole")
    assert vaerun("train", *longer[:-1], f"hydra.run.dir={whole}")[0] == 0
    ended, expected = records(place), records(whole)
    at = next(i for i, record in enumerate(ended) if record["epoch"] == 3)
    assert "elbo/valid" not in expected[at], "a validation that only the first end makes"
    ended[at] = {key: value for key, value in ended[at].items() if key in expected[at]}
    assert ended == expected
    assert any("elbo/valid" in record for record in expected)
    assert "epochs: 5" in (place / "config.yaml").read_text()


@pytest.mark.slow
def test_a_finished_run_with_another_setting_is_not_called_one_that_goes_on(vaerun):
    words = [*TINY, "trainer.epochs=1", "evaluation.points=5"]
    assert vaerun("train", *words, "hydra.run.dir=run")[0] == 0
    code, sentence = vaerun("train", *words, "optimizer.learning_rate=0.5", "hydra.run.dir=run")
    assert code == 2
    assert "resume=" not in sentence
    assert vaerun("train", *words, "optimizer.learning_rate=0.5", "hydra.run.dir=other")[0] == 0
