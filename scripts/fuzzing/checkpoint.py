"""Checkpoints, read as ``vaerun.load`` and ``vaerun train resume=`` read them."""

import zlib
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzzing.kind import Kind, refused, trained
from fuzzing.mutation import damaged


class Checkpoints(Kind):
    """``checkpoints/last.pt`` of a run, through ``vaerun.load``.

    One in six keeps the old checksum. The others get that of the damaged content, because otherwise only the checksum
    would be tried, and a stranger can compute it, too.
    """

    name = "checkpoints"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """The content of last.pt."""
        self.run = trained(folder)
        from vaerun.trainer.checkpoint_file import MAGIC, TRAILER

        whole = (self.run / "checkpoints" / "last.pt").read_bytes()
        content = damaged([whole[: -TRAILER.size]])
        forged = content.map(lambda given: given + TRAILER.pack(MAGIC, zlib.crc32(given)))
        return st.one_of(damaged([whole]), *5 * [forged])

    def read(self, given: Any, folder: Path) -> None:
        """Opens the run; what it then computes must be finite."""
        import torch

        import vaerun
        from vaerun.errors import UserError
        from vaerun.trainer import checkpoint
        from vaerun.trainer.checkpoint_file import previous

        path = self.run / "checkpoints" / "last.pt"
        path.unlink(missing_ok=True)  # a new file, because the old one may still be mapped into memory
        previous(path).unlink(missing_ok=True)  # it would take the place of a damaged one
        path.write_bytes(given)
        try:
            # First alone: vaerun.load reads the configuration before, which takes a hundred times as long.
            checkpoint.load(path, torch.device("cpu"))
            run = vaerun.load(self.run, checkpoint="last")
        except UserError as error:
            raise refused(error) from error
        assert bool(torch.isfinite(run.sample(3)).all()), "a sample is not finite"
