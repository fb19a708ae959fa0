"""A real TensorBoard over a folder of runs, and a real browser to look at it; neither needs a network."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 40.0  # seconds that anything may take to appear
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which a container has no rights for
    "--disable-dev-shm-usage",
    "--window-size=1600,1200",
    "--enable-unsafe-swiftshader",  # the projector draws by WebGL, which a machine without a graphics card computes
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# TensorBoard's pages are nested shadow trees, which no selector crosses.
LOOK = """
const within = n => [...(n.shadowRoot ? n.shadowRoot.childNodes : []), ...n.childNodes];
const every = (n, f) => [...(f(n) ? [n] : []), ...within(n).flatMap(m => every(m, f))];
const all = (selector, n = document) => every(n, m => m.matches && m.matches(selector));
const text = n => every(n, m => m.nodeType === 3 && !/^(STYLE|SCRIPT)$/.test(m.parentNode.nodeName))
    .map(m => m.data.trim()).filter(Boolean).join(' ');
"""


@contextmanager
def serve(logdir: Path) -> Iterator[str]:
    """The address of a TensorBoard that has read every run below ``logdir``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        Path(sys.executable).parent / "tensorboard",
        "--logdir",
        logdir,
        "--host",
        "127.0.0.1",
        "--port",
        f"{port}",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(words, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, **quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        runs = {f"{path.parent.relative_to(logdir)}" for path in logdir.rglob("events.out.tfevents.*")}
        until(lambda: runs <= set(ask(f"{address}/data/runs")), "TensorBoard has not read the runs")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)


@contextmanager
def browse() -> Iterator[Any]:
    """A browser without a window."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in OPTIONS:
        options.add_argument(word)
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        browser.set_page_load_timeout(PATIENCE)
        browser.set_script_timeout(PATIENCE)
        yield browser
    finally:
        browser.quit()


def ask(url: str, **query: str) -> Any:
    """What TensorBoard answers: JSON as what it says, anything else as bytes; nothing while there is no answer."""
    try:
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
            content = answer.read()
            return json.loads(content) if answer.headers.get_content_type() == "application/json" else content
    except OSError:
        return []


def until(true: Callable[[], Any], otherwise: str) -> Any:
    """Waits until something is true, and returns it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)
    return found
