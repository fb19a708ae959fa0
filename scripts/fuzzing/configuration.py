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
    """config.yaml of a run, through ``vaerun.load``; an option in ./conf, through ``vaerun list``."""

    name = "YAML"

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        """(place, content)."""
        self.run = trained(folder)
        own = folder / "conf" / "estimator"
        own.mkdir(parents=True, exist_ok=True)
        os.environ["VAERUN_CONF"] = str(folder / "conf")
        conf = Path(__file__).parents[2] / "conf"
        options = [OWN, (conf / "posterior" / "mixture.yaml").read_text(), (conf / "data" / "arrays.yaml").read_text()]
        places = {self.run / "config.yaml": [(self.run / "config.yaml").read_text()], own / "mine.yaml": options}
        many = [place for place in places for _ in range(9 if place.name == "config.yaml" else 1)]
        return st.sampled_from(many).flatmap(lambda place: st.tuples(st.just(place), reworded(places[place])))

    def read(self, given: Any, folder: Path) -> None:
        """Reads and checks the configuration without building anything."""
        from vaerun.errors import UserError
        from vaerun.experiment.load import configuration

        place, content = given
        before = place.read_bytes() if place.exists() else None
        place.write_bytes(content)
        try:
            if place.name == "config.yaml":
                configuration(self.run, [])
            else:
                judged(["list", "estimator"])
        except UserError as error:
            raise refused(error) from error
        finally:
            place.unlink()
            if before is not None:
                place.write_bytes(before)

    def shown(self, given: Any) -> bytes:
        return given[0].name.encode() + b"\n" + given[1]
