"""Downloads a published file: tries several mirrors, twice, with a timeout, and checks the content."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from vaerun.data.folder import store
from vaerun.errors import UserError

PIECE = 1 << 18
LARGEST = 1 << 28
"""Bytes of the largest answer that is accepted; the largest published file has 78 MB."""


def download(
    path: Path,
    mirrors: Sequence[str],
    *,
    check: Callable[[bytes], object],
    rounds: int = 2,
    pause: float = 1.0,
    timeout: float = 10.0,
) -> None:
    """Downloads ``mirror + path.name`` from the first mirror whose content passes ``check``, and writes it to ``path``.

    Nothing is written before the content is complete and checked.

    Args:
        path: of the file; folders that do not exist are created.
        mirrors: URLs of folders, each ending in a slash, in order of preference.
        check: raises ValueError for content that is not the expected file.
        rounds: how often each mirror is tried; after an HTTP status 4xx it is not tried again.
        pause: seconds between two rounds.
        timeout: seconds to wait for a mirror to send data.

    Raises:
        UserError: no mirror served the file, or it cannot be written; the message says why, and what to do.
    """
    content = _first(path.name, mirrors, check=check, rounds=rounds, pause=pause, timeout=timeout)
    if isinstance(content, dict):
        reasons = "; ".join(f"{urlsplit(mirror).netloc}: {reason}" for mirror, reason in content.items())
        raise UserError(
            f"{path.name} is not in {path.parent} and could not be downloaded ({reasons}); "
            "put the file there, or give the folder that holds it with data.root=… or $VAERUN_DATA."
        )
    try:
        store(path, content)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another folder with data.root=… or $VAERUN_DATA."
        ) from error


def _first(
    name: str, mirrors: Sequence[str], *, check: Callable[[bytes], object], rounds: int, pause: float, timeout: float
) -> bytes | dict[str, str]:
    """The content from the first mirror that serves it; if none does, the error of each mirror."""
    reasons: dict[str, str] = {}
    left = list(mirrors)
    for number in range(rounds):
        if number and left:
            time.sleep(pause)
        for mirror in tuple(left):
            try:
                content = _get(mirror + name, name, timeout)
                check(content)
                return content
            except urllib.error.HTTPError as error:
                reasons[mirror] = f"HTTP {error.code} {error.reason}"
                if error.code < 500:
                    left.remove(mirror)
                error.close()
            except urllib.error.URLError as error:
                reasons[mirror] = getattr(error.reason, "strerror", None) or str(error.reason)
            except (OSError, HTTPException, ValueError) as error:
                reasons[mirror] = str(error) or type(error).__name__
    return reasons


def _get(url: str, name: str, timeout: float) -> bytes:
    """The content of the URL; on a terminal the progress is shown in one line that is redrawn."""
    request = urllib.request.Request(url, headers={"User-Agent": "vaerun"})
    out, what = sys.stderr, f"downloading {name} from {urlsplit(url).netloc}"
    redrawn = out.isatty()
    print(what, end="" if redrawn else "\n", file=out, flush=True)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            total = int(response.headers.get("Content-Length") or 0)
            content = bytearray()
            while piece := response.read(PIECE):
                content += piece
                if len(content) > LARGEST:
                    raise ConnectionError(f"it sent more than {LARGEST / 1e6:.0f} MB")
                if redrawn:
                    print(f"\r{what}: {_megabytes(len(content), total)}", end="", file=out, flush=True)
    finally:
        if redrawn:
            print(file=out, flush=True)
    if len(content) < total:
        raise ConnectionError(f"the connection ended after {len(content)} of {total} bytes")
    return bytes(content)


def _megabytes(done: int, total: int) -> str:
    return f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
