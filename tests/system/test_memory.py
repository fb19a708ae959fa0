"""Memory that was refused: for what, how much, and what needs less."""

import types

import pytest

from vaerun.system.memory import refused_memory


def raised_in(module: str, error: Exception) -> Exception:
    """The error as if a function of ``module`` had raised it."""
    place = types.ModuleType(module)
    exec("def work(error): raise error", place.__dict__)
    place.__dict__["__name__"] = module
    try:
        place.work(error)
    except Exception as caught:
        return caught
    raise AssertionError


TORCH = (
    "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "480000000000 bytes. Error code 12 (Cannot allocate memory)"
)
NUMPY = "Unable to allocate 5.84 GiB for an array with shape (2000000, 784) and data type float32"
CUDA = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 15.00 GiB"


@pytest.mark.parametrize(
    ("module", "error", "said"),
    [
        ("vaerun.data.arrays", MemoryError(NUMPY), ("reading the data needs 6.27 GB at once", "fewer points")),
        ("vaerun.strategy.amortized", RuntimeError(TORCH), ("a training step needs 480 GB", "trainer.batch_size")),
        ("vaerun.evaluation.bound", RuntimeError(CUDA), ("the evaluation needs 21.5 GB", "evaluation.points")),
        ("vaerun.trainer.validation", RuntimeError(TORCH), ("the validation", "trainer.validation.points")),
        ("vaerun.experiment.build", RuntimeError(TORCH), ("building the model", "smaller model")),
        ("vaerun.trainer.checkpoint_file", MemoryError(), ("a checkpoint needs more than there is", "smaller model")),
        ("elsewhere", OSError(12, "Cannot allocate memory"), ("needs more than there is",)),
        (
            "vaerun.strategy.base",
            RuntimeError("Storage size calculation overflowed with sizes=[1, 2]"),
            ("a training step needs more than any machine has",),
        ),
    ],
)
def test_what_was_allocated_and_how_much_is_said(module: str, error: Exception, said: tuple[str, ...]) -> None:
    sentence = refused_memory(raised_in(module, error))
    assert sentence is not None
    assert all(words in sentence for words in ("out of memory", *said)), sentence


def test_other_errors_are_not_of_memory() -> None:
    for error in (RuntimeError("shapes differ"), ValueError("overflow"), OSError(28, "No space left on device")):
        assert refused_memory(error) is None
