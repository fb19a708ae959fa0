"""Checkpoints, read as ``vaerun.load`` and ``vaerun train resume=`` read them."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzzing.kind import Kind, refused, trained
from fuzzing.mutation import damaged


class Checkpoints(Kind):
    """``checkpoints/last.pt`` of a run, through ``vaerun.load``."""

    name = "checkpoints"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """The content of last.pt."""
        self.run = trained(folder)
        return damaged([(self.run / "checkpoints" / "last.pt").read_bytes()])

    def read(self, given: Any, folder: Path) -> None:
        """Opens the run; what it then computes must be finite."""
        import torch

        import vaerun
        from vaerun.errors import UserError
        from vaerun.trainer import checkpoint

        path = self.run / "checkpoints" / "last.pt"
        path.unlink(missing_ok=True)  # a new file, because the old one may still be mapped into memory
        path.write_bytes(given)
        try:
            # First alone: vaerun.load reads the configuration before, which takes a hundred times as long.
            checkpoint.load(path, torch.device("cpu"))
            run = vaerun.load(self.run, checkpoint="last")
        except UserError as error:
            raise refused(error) from error
        assert bool(torch.isfinite(run.sample(3)).all()), "a sample is not finite"
