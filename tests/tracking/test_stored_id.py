from pathlib import Path

import pytest

from vaerun.errors import UserError
from vaerun.tracking.stored_id import store, stored


def test_what_is_stored_is_read(tmp_path: Path) -> None:
    assert stored(tmp_path / "id") is None
    store(tmp_path / "id", "0a1b2c3d")
    assert stored(tmp_path / "id") == "0a1b2c3d"


@pytest.mark.parametrize("content", [b"", b"../../other", b"a b c d", b"A" * 8, b"\xff\xfe0a1b2c3d"])
def test_what_is_no_identifier_is_not_used(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "id").write_bytes(content)
    assert stored(tmp_path / "id") is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("0a1b2c3d\n")
    (tmp_path / "id").symlink_to(tmp_path / "other")
    with pytest.raises(UserError):
        stored(tmp_path / "id")
