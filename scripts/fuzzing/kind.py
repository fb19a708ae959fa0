"""What is damaged, and what reads it."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st


class RefusedError(Exception):
    """The input was refused with this sentence and exit code 2."""


class Kind(ABC):
    """Inputs of one kind, and the code of vaerun that reads them."""

    name: ClassVar[str]
    megabytes: ClassVar[int] = 200
    """How much memory one input may take while it is read."""

    @abstractmethod
    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """Damaged inputs. ``folder`` is for what is made once, such as a run."""

    @abstractmethod
    def read(self, given: Any, folder: Path) -> None:
        """Gives the input to vaerun.

        Raises:
            RefusedError: vaerun refused it as it should. Any other error is a fault.
        """

    def shown(self, given: Any) -> bytes:
        """The input as it is kept if it causes a fault."""
        return given if isinstance(given, bytes) else repr(given).encode()


def refused(error: Exception) -> RefusedError:
    """The refusal, if its sentence is one.

    Raises:
        AssertionError: it is not one line that ends with a full stop, a question mark, or a path.
    """
    sentence = str(error)
    assert sentence.strip(), "the sentence is empty"
    assert "\n" not in sentence, f"more than one line: {sentence!r}"
    assert "Traceback" not in sentence
    assert "internal error" not in sentence
    return RefusedError(sentence)


def trained(folder: Path, *words: str) -> Path:
    """A small finished run, made once."""
    from tests.runs import train

    run = folder / "run"
    if not (run / "summary.json").exists():
        train(run, "trainer.epochs=2", "model.decoder.hidden=[4]", "amortizer.hidden=[4]", "model.latent_dim=2", *words)
    return run
