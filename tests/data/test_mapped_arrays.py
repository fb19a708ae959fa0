"""A mapped file gives the data that reading it gives, to the bit: points, moments, hash and words."""

import numpy as np
import pytest
import torch

from vaerun.data import mapped
from vaerun.data.arrays import Arrays
from vaerun.data.mapped import MappedRows
from vaerun.data.mapped_arrays import mapped_arrays
from vaerun.errors import RunError, UserError

RNG = np.random.default_rng(0)
FLOATS = RNG.normal(size=(300, 7))
BYTES = RNG.integers(0, 256, (300, 4, 5), dtype=np.uint8)
CASES = {
    "as stored": (FLOATS.astype(np.float32), {}),
    "rounded": (FLOATS, {}),
    "other order of axes": (np.asfortranarray(FLOATS.astype(np.float32)), {}),
    "other order of bytes": (FLOATS.astype(">f4"), {}),
    "whole numbers": (RNG.integers(0, 900, (300, 7)).astype(np.int16), {"scale": 1.0}),
    "bytes": (BYTES, {}),
    "channels first": (RNG.integers(0, 256, (300, 3, 6, 5), dtype=np.uint8), {}),
    "bits": (FLOATS > 0, {"binarize": "static"}),
    **{choice: (BYTES, {"binarize": choice}) for choice in ("static", "dynamic", "threshold")},
}


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    """Blocks and batches of a few rows, so that no test has everything in one."""
    monkeypatch.setattr(mapped, "BLOCK", 10_000)
    monkeypatch.setattr(mapped, "FEW", 16)


@pytest.mark.parametrize("case", CASES)
def test_mapped_is_read_to_the_bit(tmp_path, case):
    array, keys = CASES[case]
    np.save(tmp_path / "x.npy", array)
    read, by_map = (Arrays(path=str(tmp_path / "x.npy"), memory=memory, **keys).load() for memory in ("read", "map"))
    assert isinstance(by_map.train.x, MappedRows)
    assert by_map.info() == read.info()
    assert by_map.sha256 == read.sha256
    assert by_map.warnings == read.warnings
    assert torch.equal(by_map.mean(), read.mean())
    assert by_map.std() == read.std()
    for split in ("train", "valid", "test"):
        for index in (torch.tensor([3, 0, 29]), torch.arange(30).flip(0), slice(2, 20, 3)):
            torch.manual_seed(0)
            expected = read.split(split).points(index)
            torch.manual_seed(0)
            assert torch.equal(by_map.split(split).points(index), expected)


def test_repeated_points_are_found(tmp_path):
    np.save(tmp_path / "x.npy", np.repeat(FLOATS.astype(np.float32)[:20], 5, axis=0))
    read, by_map = (Arrays(path=str(tmp_path / "x.npy"), memory=memory).load() for memory in ("read", "map"))
    assert len(by_map.warnings) == 2
    assert by_map.warnings == read.warnings


@pytest.mark.parametrize("memory", ["auto", "map"])
def test_a_folder_of_three_files_keeps_these_splits(tmp_path, memory):
    parts = np.split(FLOATS.astype(np.float32), [200, 250])
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        np.save(tmp_path / f"{name}.npy", part)
    data = Arrays(path=str(tmp_path), memory=memory).load()
    assert isinstance(data.train.x, MappedRows) == (memory == "map")
    for split, part in zip((data.train, data.valid, data.test), parts, strict=True):
        assert torch.equal(split.points(), torch.from_numpy(part))
    (tmp_path / "valid.npy").unlink()
    with pytest.raises(UserError, match=r"valid\.npy cannot be used, because it does not exist"):
        Arrays(path=str(tmp_path)).load()


def test_auto_maps_what_takes_more_than_half_of_the_free_memory(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", FLOATS.astype(np.float32))  # 8,400 bytes, and as many of stored values
    for free, expected in ((2 * 16_800, False), (2 * 16_800 - 1, True)):
        monkeypatch.setattr(mapped, "free_memory", lambda free=free: free)
        assert (mapped_arrays(tmp_path / "x.npy", memory="auto") is not None) == expected


def test_map_needs_an_npy_file(tmp_path):
    np.savez(tmp_path / "x.npz", x=FLOATS)
    with pytest.raises(UserError, match=r"data\.memory=map needs an npy file, but .* is none: save the array"):
        Arrays(path=str(tmp_path / "x.npz"), memory="map").load()
    with pytest.raises(UserError, match=r"data\.memory must be one of auto, read, map, got 'disk'"):
        Arrays(path=str(tmp_path / "x.npz"), memory="disk")


def test_damage_is_seen_as_when_the_file_is_read(tmp_path):
    path = tmp_path / "x.npy"
    bad = FLOATS.astype(np.float32)
    bad[277, 3] = np.nan
    for content in (bad, np.array([{}]), np.array(["a"])):
        np.save(path, content)
        sentences = []
        for memory in ("read", "map"):
            with pytest.raises(UserError) as caught:
                Arrays(path=str(path), memory=memory).load()
            sentences.append(str(caught.value))
        assert sentences[0] == sentences[1]
    np.save(path, FLOATS)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged or cut off"):
        Arrays(path=str(path), memory="map").load()


def test_a_file_that_changes_while_it_is_in_use_ends_the_run(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, FLOATS.astype(np.float32))
    data = Arrays(path=str(path), memory="map").load()
    data.train.points(torch.tensor([0]))
    with path.open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\0")
    with pytest.raises(RunError, match=r"another program changed .*x\.npy while it was in use: restore the file"):
        data.train.points(torch.tensor([0]))
