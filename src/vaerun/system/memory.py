"""Memory that was refused: what it was needed for, how much, and what needs less."""

import errno
import re
from collections.abc import Iterator

# What was being done, by the modules on the stack: the first line that matches. Training calls almost everything, so
# it comes after what it calls for a purpose of its own.
STAGES = (
    (("vaerun.trainer.checkpoint",), "a checkpoint", "use a smaller model, or a machine with more memory"),
    (
        ("vaerun.trainer.validation",),
        "the validation during training",
        "use a smaller trainer.validation.num_samples or trainer.validation.points",
    ),
    (
        ("vaerun.evaluation.",),
        "the evaluation",
        "use a smaller evaluation.num_samples or evaluation.points (vaerun list evaluation shows all keys)",
    ),
    (("vaerun.image.",), "the images", "use trainer.records.images_every=0 in training, or a smaller --n"),
    (
        ("vaerun.trainer.", "vaerun.strategy."),
        "a training step",
        "use a smaller trainer.batch_size, objective.num_samples or model",
    ),
    (("vaerun.data.",), "reading the data", "use a file with fewer points, or with values of a smaller type (uint8)"),
    (("vaerun.verify.",), "the checks", "use a smaller objective.num_samples"),
    (
        ("vaerun.experiment.build", "vaerun.experiment.make", "vaerun.model.", "vaerun.nn."),
        "building the model",
        "use a smaller model, or fewer data points if every point has its own φ",
    ),
    (("vaerun.report.",), "the report", "give fewer runs"),
)
UNKNOWN = ("", "the command", "use fewer points, fewer samples or a smaller model")
REFUSED = (
    "can't allocate",
    "Unable to allocate",
    "out of memory",
    "bad_alloc",
    "Cannot allocate memory",
    "failed to map segment",
    "can't start new thread",
)
TOO_LARGE = ("Storage size calculation overflowed", "integer multiplication overflow", "array is too big")
UNITS = {"": 1, "B": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50, "EiB": 2**60}
AMOUNTS = (r"allocate (\d+) bytes", r"[Aa]llocate ([\d.]+) ([KMGTPE]iB|bytes)", r"mmap (\d+) bytes")


def refused_memory(error: BaseException) -> str | None:
    """What the memory was needed for, how much it was, and what needs less; None if memory was not the cause."""
    text = str(error)
    too_large = isinstance(error, (RuntimeError, ValueError)) and any(words in text for words in TOO_LARGE)
    if not (too_large or is_memory(error)):
        return None
    _, stage, remedy = next((known for known in STAGES if _is_among(known[0], error)), UNKNOWN)
    needed = _amount(text)
    if needed:
        return f"out of memory: {stage} needs {needed} at once, which is more than is free: {remedy}"
    much = "more than any machine has" if too_large else "more than there is"
    return f"out of memory: {stage} needs {much}: {remedy}"


def is_memory(error: BaseException) -> bool:
    """Whether memory was refused; by name and text, because torch must not be imported here."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, (RuntimeError, ImportError)) and any(words in str(error) for words in REFUSED)


def _is_among(modules: tuple[str, ...], error: BaseException) -> bool:
    return any(name.startswith(modules) for name in _stack(error))


def _stack(error: BaseException) -> Iterator[str]:
    """The modules between the handler and the place of the error."""
    trace = error.__traceback__
    while trace is not None:
        yield str(trace.tb_frame.f_globals.get("__name__", ""))
        trace = trace.tb_next


def _amount(text: str) -> str:
    """The amount that an allocator's message names, such as 5.6 GB."""
    for pattern in AMOUNTS:
        if match := re.search(pattern, text):
            return amount(float(match[1]) * UNITS[match[2] if match.re.groups > 1 else ""])
    return ""


def amount(size: float) -> str:
    """A number of bytes, such as 5.6 GB."""
    for unit, scale in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:,.0f} bytes"
