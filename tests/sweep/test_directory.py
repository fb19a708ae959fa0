"""The directory of a sweep: locked, defined by a file, with a directory for every configuration."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.errors import UserError
from vaerun.sweep.directory import Definition, SweepDirectory, enter_folder, read_definition
from vaerun.sweep.job import Job
from vaerun.sweep.marker import stop_file


def job(seed: int, name: str = "run", **keys: int) -> Job:
    """A job whose preferred name is ``name``."""
    config = {"seed": seed, **keys, "hydra": {"job": {"num": 0, "id": "0"}, "sweep": {"subdir": name}}}
    return Job((f"seed={seed}",), OmegaConf.create(config))


def test_only_one_sweep_at_a_time_uses_a_directory(tmp_path: Path) -> None:
    with SweepDirectory(tmp_path), pytest.raises(UserError, match="in use by another sweep"), SweepDirectory(tmp_path):
        pass
    stop_file(tmp_path).touch()
    with SweepDirectory(tmp_path):
        assert not stop_file(tmp_path).exists(), "a new sweep is not stopped by the signal of the last one"


def test_the_definition_is_read_as_it_was_written_and_new_words_replace_their_keys(tmp_path: Path) -> None:
    definition = Definition(["seed=0,1", "strategy=joint,amortized"], ["--config-dir=/x"], str(tmp_path))
    with SweepDirectory(tmp_path) as place:
        place.write(definition)
    assert read_definition(tmp_path) == definition
    assert definition.changed(["seed=0,1,2"]).words == ["strategy=joint,amortized", "seed=0,1,2"]


def test_a_directory_that_is_no_sweep_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_definition(tmp_path / "nowhere")
    (tmp_path / "config.yaml").touch()
    with pytest.raises(UserError, match="vaerun train resume="):
        read_definition(tmp_path)
    (tmp_path / "sweep.yaml").write_text("words: [\n")
    with pytest.raises(UserError, match="is damaged"):
        read_definition(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        enter_folder(Definition([], [], str(tmp_path / "gone")))


def test_equal_configurations_share_a_directory_and_others_never_do(tmp_path: Path) -> None:
    place = SweepDirectory(tmp_path)
    made = place.with_directories([job(0), job(1), job(0), job(1, "other")])
    assert [one.config.seed for one in made] == [0, 1], "the same run is in the sweep once"
    assert len({one.directory for one in made}) == 2
    assert made[0].directory == tmp_path / "run"


def test_a_run_that_is_there_keeps_its_directory_whatever_its_name(tmp_path: Path) -> None:
    for name, seed in (("old name", 7), ("run", 8)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"seed: {seed}\nchoices: {{}}\n")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.yaml").write_text("a: [\n")
    known, new = SweepDirectory(tmp_path).with_directories([job(7), job(9)])
    assert known.directory == tmp_path / "old name"
    assert new.directory != tmp_path / "run", "another run has this name"


def test_a_run_with_a_small_number_and_a_run_that_recovered_are_recognised(tmp_path: Path) -> None:
    """YAML reads 1e-05 as text; a run that went on with another step size is not the run of the sweep any more."""
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "config.yaml"
    (one,) = [Job((), OmegaConf.create({"optimizer": {"learning_rate": 1e-5}, **job(0).config}))]
    path.write_text("optimizer:\n  learning_rate: 1e-05\nseed: 0\n")
    assert SweepDirectory(tmp_path).with_directories([one])[0].directory == tmp_path / "run"
    path.write_text(
        "optimizer:\n  learning_rate: 1e-06\nseed: 0\nchanges:\n- {step: 3, optimizer.learning_rate: 1e-05}\n"
    )
    assert SweepDirectory(tmp_path).with_directories([one])[0].directory != tmp_path / "run"
