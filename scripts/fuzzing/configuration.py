"""YAML, as the config.yaml of a run and as an option of a user."""

import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fuzzing.kind import Kind, refused, trained
from fuzzing.mutation import reworded
from fuzzing.result import judged

OWN = """# The score function without a baseline
_target_: vaerun.estimator.score.Score
defaults:
  - baseline: none
  - _self_
"""


class Configurations(Kind):
    """config.yaml of a run, through ``vaerun.load``; an option in ./conf, through ``vaerun list`` and composition."""

    name = "YAML"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """(place, content)."""
        self.run = trained(folder)
        os.environ["VAERUN_CONF"] = str(folder / "conf")
        conf = Path(__file__).parents[2] / "conf"
        places = {self.run / "config.yaml": [(self.run / "config.yaml").read_text()]}
        for group, name in (("estimator", ""), ("posterior", "mixture"), ("data", "arrays"), ("model", "vae")):
            own = folder / "conf" / group
            own.mkdir(parents=True, exist_ok=True)
            places[own / "mine.yaml"] = [(conf / group / f"{name}.yaml").read_text() if name else OWN]
        many = [place for place in places for _ in range(8 if place.name == "config.yaml" else 1)]
        return st.sampled_from(many).flatmap(lambda place: st.tuples(st.just(place), reworded(places[place])))

    def read(self, given: Any, folder: Path) -> None:
        """Reads and checks the configuration without building anything."""
        from vaerun.errors import UserError
        from vaerun.experiment.load import configuration
        from vaerun.experiment.option import composed

        place, content = given
        before = place.read_bytes() if place.exists() else None
        place.write_bytes(content)
        try:
            if place.name == "config.yaml":
                configuration(self.run, [])
            else:
                judged(["list", place.parent.name])
                composed([f"{place.parent.name}=mine"])
        except UserError as error:
            raise refused(error) from error
        finally:
            place.unlink()
            if before is not None:
                place.write_bytes(before)

    def shown(self, given: Any) -> bytes:
        name = "/".join(given[0].parts[-2:])
        return name.encode() + b"\n" + given[1]
