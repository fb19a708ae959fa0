"""The study behind a search."""

from pathlib import Path

from vaerun.search.objective import Objective
from vaerun.search.study import open_study


def test_a_study_is_kept_in_its_file_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a?b #c%41" / "search.db"
    path.parent.mkdir()
    for trials in (1, 2):
        study = open_study(str(path), [Objective("elbo/valid", "higher")], sampler="random", pruner="none", seed=0)
        study.tell(study.ask(), -1.0)
        assert len(study.trials) == trials
    assert [one.name for one in tmp_path.iterdir()] == [path.parent.name]
    assert path.stat().st_size > 0
