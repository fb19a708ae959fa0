"""Files of results, read as ``vaerun compare`` reads them."""

import contextlib
import io
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzzing.kind import Kind, RefusedError, trained
from fuzzing.mutation import damaged, reworded

FILES = ("summary.json", "metrics.jsonl", "evaluations.jsonl")


class Results(Kind):
    """A result file of a run, through ``vaerun compare``."""

    name = "result files"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """(file name, content)."""
        from vaerun.cli import dispatch

        self.run = trained(folder)
        if not (self.run / "evaluations.jsonl").exists():
            with contextlib.redirect_stdout(io.StringIO()):
                dispatch(["eval", str(self.run), "evaluation.num_samples=2"])
        self.good = {name: (self.run / name).read_bytes() for name in FILES}
        return st.sampled_from(FILES).flatmap(self._of)

    def _of(self, name: str) -> st.SearchStrategy[Any]:
        text = self.good[name].decode()
        # one value a line, so that values are what is changed
        lined = text.replace(", ", ",\n") if name.endswith("l") else text
        content = st.one_of(damaged([text.encode()]), reworded([text]), reworded([lined]).map(_joined(name)))
        return st.tuples(st.just(name), content)

    def read(self, given: Any, folder: Path) -> None:
        """Compares the run with an unchanged one."""
        name, content = given
        (self.run / name).write_bytes(content)
        try:
            judged(["compare", str(self.run), "--json"])
            judged(["compare", str(self.run)])
        finally:
            (self.run / name).write_bytes(self.good[name])

    def shown(self, given: Any) -> bytes:
        return given[0].encode() + b"\n" + given[1]


def _joined(name: str) -> Any:
    return lambda content: content.replace(b",\n", b", ") if name.endswith("l") else content


def judged(argv: list[str]) -> None:
    """Runs a command; it must succeed, or refuse with one sentence.

    Raises:
        RefusedError: it refused.
        AssertionError: it ended in another way.
    """
    from vaerun.cli import dispatch

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = dispatch(argv)
    said = [line for line in err.getvalue().splitlines() if line.startswith("vaerun: ")]
    assert "Traceback" not in err.getvalue()
    assert "internal error" not in err.getvalue(), err.getvalue().strip()[-300:]
    assert code in (0, 2), f"exit code {code}: {err.getvalue().strip()[-300:]}"
    if code == 2:
        assert len(said) == 1, f"{len(said)} sentences"
        raise RefusedError(said[0])
