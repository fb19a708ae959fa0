import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vaerun.data.download import download
from vaerun.errors import UserError

CONTENT = bytes(range(256)) * 2000


class Handler(BaseHTTPRequestHandler):
    """/good serves the file, /wrong other bytes, /cut half of it, /busy fails once and then serves, all else is 404."""

    asked: Counter[str]

    def do_GET(self) -> None:
        folder = self.path.split("/")[1]
        self.asked[folder] += 1
        if folder not in ("good", "wrong", "cut", "busy") or (folder == "busy" and self.asked[folder] == 1):
            self.send_error(503 if folder == "busy" else 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        body = {"wrong": CONTENT[::-1], "cut": CONTENT[:1000]}.get(folder, CONTENT)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(monkeypatch) -> Iterator[tuple[str, Counter[str]]]:
    monkeypatch.setenv("no_proxy", "*")
    Handler.asked = Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}/", Handler.asked
        served.shutdown()
        thread.join()


def check(content: bytes) -> None:
    if content != CONTENT:
        raise ValueError("it is not the published file")


def fetch(path: Path, base: str, *folders: str) -> None:
    download(path, [f"{base}{folder}/" for folder in folders], check=check, pause=0.0, timeout=5.0)


def test_the_file_comes_whole_from_the_first_mirror(tmp_path, server, capsys):
    base, asked = server
    fetch(tmp_path / "MNIST" / "raw" / "x.gz", base, "good", "wrong")
    assert (tmp_path / "MNIST" / "raw" / "x.gz").read_bytes() == CONTENT
    assert asked == {"good": 1}
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\r" not in err
    assert "downloading x.gz from 127.0.0.1" in err


@pytest.mark.parametrize("bad", ["missing", "wrong", "cut"])
def test_the_second_mirror_serves_where_the_first_fails(tmp_path, server, bad):
    base, asked = server
    fetch(tmp_path / "x.gz", base, bad, "good")
    assert (tmp_path / "x.gz").read_bytes() == CONTENT
    assert asked == {bad: 1, "good": 1}
    assert list(tmp_path.iterdir()) == [tmp_path / "x.gz"]


def test_a_busy_mirror_is_asked_again(tmp_path, server):
    base, asked = server
    fetch(tmp_path / "x.gz", base, "missing", "busy")
    assert (tmp_path / "x.gz").read_bytes() == CONTENT
    assert asked == {"missing": 1, "busy": 2}


@pytest.mark.parametrize(
    ("folder", "reason"),
    [("wrong", "it is not the published file"), ("cut", "1000"), ("missing", "HTTP 404 Not Found")],
)
def test_a_failure_says_why_and_leaves_nothing_behind(tmp_path, server, folder, reason):
    base, _ = server
    with pytest.raises(UserError, match=rf"^x\.gz is not in {tmp_path}/new and could not .*{reason}.*data\.root=.*\.$"):
        fetch(tmp_path / "new" / "x.gz", base, folder)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_sentence_says_where_it_looked_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    # Port 1 refuses at once, and the .invalid domain resolves nowhere by standard.
    mirrors = ["http://127.0.0.1:1/", "http://mirror.invalid/"]
    with pytest.raises(UserError) as caught:
        download(tmp_path / "x.gz", mirrors, check=check, pause=0.0, timeout=5.0)
    message = str(caught.value)
    assert f"x.gz is not in {tmp_path} and could not be downloaded" in message
    assert "127.0.0.1:1: Connection refused; mirror.invalid: " in message
    assert message.endswith("put the file there, or give the folder that holds it with data.root=… or $VAERUN_DATA.")
    assert "\n" not in message


def test_a_folder_that_cannot_be_written_is_named(tmp_path, server):
    base, _ = server
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"x\.gz cannot be written \(.*\); choose another folder"):
        fetch(tmp_path / "file" / "x.gz", base, "good")


def test_a_terminal_sees_a_moving_line(tmp_path, server, capsys, monkeypatch):
    base, _ = server
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(tmp_path / "x.gz", base, "good")
    err = capsys.readouterr().err
    assert err.count("\r") >= 2
    assert err.endswith("0.5 of 0.5 MB\n")


def test_two_downloads_at_once_leave_one_whole_file(tmp_path, server):
    base, _ = server
    threads = [threading.Thread(target=fetch, args=(tmp_path / "x.gz", base, "good")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x.gz").read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [tmp_path / "x.gz"]
