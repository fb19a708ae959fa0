"""Headers that lie are refused before anything is allocated for them."""

import io
import struct

import numpy as np
import pytest

from vaerun.data import npy
from vaerun.data.data_file import DamagedFileError

ZEROS = bytes(24)


def pack(shape: str, descr: str = "'<f4'", values: bytes = ZEROS, *, version: int = 1, more: str = "") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {more}}}\n".encode()
    return npy.MAGIC + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + values


def read(content: bytes) -> np.ndarray:
    return npy.read(io.BytesIO(content), len(content))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["?", "u1", ">i2", "<u8", "f2", ">f4", "f8", "g"])
def test_what_numpy_writes_is_read_as_numpy_reads_it(dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=dtype, order=order)
    buffer = io.BytesIO()
    np.save(buffer, array)
    found = read(buffer.getvalue())
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_the_format_is_read(version):
    assert read(pack("(2, 3)", version=version)).shape == (2, 3)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (pack("(4000000000000, )"), r"cut off \(it holds 24 bytes of values, and .* needs 16,000,000,000,000\)"),
        (pack("(99999999999999999999, 2)"), "needs 799,999,999,999,999,999,992"),
        (pack("(2, 3)", values=ZEROS[1:]), "damaged or cut off"),
        (pack("(2, 3)", values=ZEROS + b"x"), "longer than its header says"),
        (pack("(-1, 6)"), r"its header is damaged \(the shape is \(-1, 6\)\)"),
        (pack("(-2, -3)"), "its header is damaged"),
        (pack("(0, 99999999999999999999)", values=b""), "it holds no values"),
        (pack("6"), "its header is damaged"),
        (pack("('6',)"), "its header is damaged"),
        (pack("(" * 3000), "its header is damaged"),
        (pack("[" * 4000 + "]" * 4000), "its header is damaged"),
        (pack("(6,)", more="'x': 9**9**9"), "its header is damaged"),
        (pack("(6,)", more="[]: 1"), "its header is damaged"),
        (pack("(6,)", descr="'f4,,'"), "its header is damaged"),
        (pack("(6,)", descr="'|O'"), "Python objects instead of numbers"),
        (pack("(6,)", descr="[('a', '|O')]"), "Python objects instead of numbers"),
        (pack("(24,)", descr="'|b1'", values=bytes(23) + b"\7"), "one of its booleans is 7"),
        (pack("(6,)", more=" " * 11_000), r"its header is 11,0\d\d bytes long"),
        (pack("(6,)")[:9], "cut off inside its header"),
        (pack("(6,)")[:7], "cut off inside its header"),
        (pack("(6,)")[:40], "cut off inside its header"),
        (pack("(6,)", version=9), "not an npy array"),
        (npy.MAGIC + b"\1\x80" + pack("(6,)")[8:], "not an npy array"),
        (b"", "not an npy array"),
    ],
)
def test_a_header_that_is_wrong_is_told(content, cause):
    with pytest.raises(DamagedFileError, match=cause):
        read(content)


def test_a_large_array_that_memory_cannot_hold_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(np, "empty", lambda *shape: pytest.fail("nothing may be allocated"))
    monkeypatch.setattr("vaerun.data.data_file.free_memory", lambda: 40)
    with pytest.raises(DamagedFileError, match="need about"):
        read(pack("(6,)"))
