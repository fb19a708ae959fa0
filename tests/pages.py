"""The code of the documentation as programs: what a page tells its reader to type, in the order of the page.

The language of a block says what is done with it, as CONTRIBUTING.md explains: ``sh`` and ``console`` are commands,
``python`` is run, and a block whose first line names a file is that file.
"""

import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parents[1]
NAMES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((TOP / "docs").glob("*.md")))]

RUN = ("sh", "console", "python", "yaml")
SHOWN = ("text", "math", "bibtex", "json")
"""Languages of blocks that show something and are not for typing."""

MARK = re.compile(r"<!-- (not run|first):\s+((?:(?!-->).)+?)\s*-->\s*\Z", re.DOTALL)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:# @package .*\n)?# (\S+\.(?:py|yaml))\b.*\n")

LIMITS: Mapping[str, Mapping[str, int]] = {
    "train": {
        "trainer.epochs": 1,
        "trainer.records.images_every": 0,
        "execution.threads": 1,
        "objective.kl_weight.epochs": 1,
    },
    "bound": {"evaluation.points": 20, "evaluation.num_samples": 5},
    "marginal": {"evaluation.points": 5, "evaluation.num_samples": 50, "evaluation.refine": 5},
    "ais": {"evaluation.points": 5, "evaluation.temperatures": 10, "evaluation.chains": 2},
    "gap": {"evaluation.points": 3, "evaluation.max_steps": 20, "evaluation.temperatures": 10},
    "cross": {"evaluation.points": 3, "evaluation.max_steps": 20, "evaluation.encoder_epochs": 1},
    "gradient": {"evaluation.points": 3, "evaluation.replicas": 20, "evaluation.warm_up": 1},
    "latent": {"evaluation.points": 50},
    "calibration": {"evaluation.points": 30, "evaluation.num_samples": 20},
    "predictive": {"evaluation.points": 30, "evaluation.num_samples": 20},
}
"""The largest values that a test takes, so that every command ends within seconds."""

SLOW = {"lecture/restarts": {"strategy.phi_init.steps": 5}}
"""Further limits of experiments."""

SEARCH = {
    "optuna": {"hydra.sweeper.n_trials": 3},
    "racing": {"hydra.sweeper.min_seeds": 2, "hydra.sweeper.max_seeds": 2},
}
OPTIONAL = ("evaluation.refine", "objective.kl_weight.epochs")
"""Limits of keys that are not added where the page does not name them."""


OTHER = ("-", "hydra", "resume=", "init=", "sweep.", "trust=", "tracking")
"""How words begin that are no part of a configuration, or of one that needs an optional package."""


class Block(NamedTuple):
    """A fenced block of a page."""

    line: int  # of the page, counted from 0, in which its text begins
    language: str
    text: str
    reason: str  # why it is not run; empty where it is run
    first: str  # commands that make what it needs

    @property
    def file(self) -> str:
        """The file that the block is; empty where it is none."""
        found = FILE.match(self.text)
        return found[1] if found and self.language in ("python", "yaml") else ""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page's text."""
    found = []
    for fence in FENCE.finditer(page):
        above, marks = page[: fence.start()].rstrip(), {}
        while mark := MARK.search(above):
            marks[mark[1]] = mark[2]
            above = above[: mark.start()].rstrip()
        line = page.count("\n", 0, fence.start(2))
        found.append(Block(line, fence[1], fence[2], marks.get("not run", ""), marks.get("first", "")))
    return found


def program(page: str, *, shell: bool = True) -> str:
    """The page as a program in Python in which every block stands in its lines, so that an error names the page's line.

    Args:
        page: the text.
        shell: whether commands are run, too.
    """
    lines = [""] * (page.count("\n") + 1)
    lines[0] = "from tests import pages as _pages"
    for block in blocks(page):
        if block.reason:
            continue
        if block.first and shell:
            lines[block.line - 2] += f"_pages.shell({block.first!r})"
        if block.file:
            lines[block.line] = f"_pages.write({block.file!r}, {block.text!r})"
        elif block.language == "python":
            code = block.text.splitlines()
            lines[block.line : block.line + len(code)] = code
        elif block.language in ("sh", "console") and shell:
            lines[block.line] = f"_pages.{'shell' if block.language == 'sh' else 'console'}({block.text!r})"
    return "\n".join(lines)


def commands(block: Block) -> Iterator[str]:
    """The command lines of a block; a line that ends with a backslash goes on in the next."""
    text = block.text.replace("\\\n", " ")
    for line in text.splitlines():
        if block.language == "sh" and line.strip() and not line.startswith("#"):
            yield line
        elif block.language == "console" and line.startswith("$ "):
            yield line[2:]


def write(name: str, text: str) -> None:
    """Writes a file of a page into the present folder."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def shell(text: str) -> None:
    """Runs commands by bash, shortened; one that fails is an error."""
    ran = _bash(f"set -e -o pipefail\n{text}")
    if ran.returncode:
        raise RuntimeError(f"exit code {ran.returncode}:\n{text}\n{ran.stdout[-2000:]}{ran.stderr[-3000:]}")


def console(text: str) -> None:
    """Runs the lines after ``$``; the lines that follow one are in its output, and are an error's sentence or not."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        ran = _bash(command)
        refused = shown.startswith("vaerun: ")
        if ran.returncode != (2 if refused else 0):
            raise RuntimeError(f"exit code {ran.returncode}: {command}\n{ran.stdout[-2000:]}{ran.stderr[-3000:]}")
        output = ran.stdout + ran.stderr
        for line in filter(None, shown.splitlines()):
            if not re.search(re.escape(line).replace("…", ".*"), output, re.DOTALL):
                raise RuntimeError(f"{command}\ndoes not print\n{line}\nbut\n{output[-3000:]}")


def _bash(text: str) -> subprocess.CompletedProcess[str]:
    """Bash in the present folder; ``RUN_DIR`` and ``SWEEP_DIR`` are the newest run and the newest sweep."""
    for name, path in (("RUN_DIR", _newest("config.yaml")), ("SWEEP_DIR", _newest("sweep.yaml"))):
        text = re.sub(rf"\b{name}\b", str(path), text) if path else text
    bin_folder = Path(".bin").resolve()
    if not bin_folder.exists():
        bin_folder.mkdir()
        for word in ("vaerun", "pip", "tensorboard", "torchrun"):
            start = f"#!{sys.executable}\nfrom tests.pages import {word}\nif __name__ == '__main__':\n    {word}()\n"
            (bin_folder / word).write_text(start)
            (bin_folder / word).chmod(0o755)
    path = os.pathsep.join([str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**environment(), "PATH": path}
    return subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, timeout=600, env=env, stdin=subprocess.DEVNULL
    )


def environment() -> dict[str, str]:
    """The environment of a page's program, which finds this module and no configuration of the person who tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("VAERUN_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))}


def _newest(name: str) -> Path | None:
    """The newest folder below the present one that holds a file of this name and is a run or a sweep."""
    found = [path for path in Path().rglob(name) if name != "config.yaml" or (path.parent / "checkpoints").exists()]
    return max(found, key=lambda path: path.stat().st_mtime).parent if found else None


def short(words: list[str]) -> list[str]:
    """The words of a ``vaerun`` command with small numbers in place of large ones."""
    if not words or any(word in ("-h", "--help", "--cfg", "-c") for word in words):
        return words
    given = dict(word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    command = words[0]
    limits: dict[str, int] = {}
    if command in ("train", "sweep"):
        limits = {**LIMITS["train"], **SLOW.get(given.get("experiment", ""), {})}
        limits |= SEARCH.get(given.get("hydra/sweeper", ""), {})
        if "resume" in given:
            limits = {"trainer.epochs": 3} if "trainer.epochs" in given else {}
        elif command == "sweep" and Path(words[1]).is_dir():  # it is continued with the words of its first line
            every = {key: limit for part in SEARCH.values() for key, limit in part.items()}
            limits = {key: limit for key, limit in every.items() if key in given}
    if command == "eval" or (command == "train" and "evaluation" in given):
        limits |= LIMITS.get(given.get("evaluation", "bound"), {})
    kept = [
        f"{key}={min(int(value), limits[key])}" if key in limits and value.isdecimal() else word
        for word in words
        for key, _, value in [word.partition("=")]
    ]
    added = [f"{key}={limit}" for key, limit in limits.items() if key not in given and key not in OPTIONAL]
    return [*kept, *added]


def vaerun() -> None:
    """``vaerun`` with shortened words."""
    from vaerun.cli import main

    sys.argv[1:] = short(sys.argv[1:])
    sys.exit(main())


def torchrun() -> None:
    """torchrun, also where torch is installed without its script."""
    from torch.distributed.run import main

    main()


def pip() -> None:
    """Installs nothing, but knows whether the extras of vaerun that are asked for exist."""
    import tomllib

    extras = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.findall(r"(?:vaerun|\.)\[([\w,]+)\]", " ".join(sys.argv[1:]))
    missing = [extra for extra in ",".join(asked).split(",") if extra and extra not in extras]
    sys.exit(f"no such extra: {missing}" if missing else 0)


def tensorboard() -> None:
    """Shows nothing, but knows whether there is something to show."""
    folder = Path(sys.argv[sys.argv.index("--logdir") + 1])
    sys.exit(0 if any(folder.rglob("events.out.tfevents.*")) else f"no curves below {folder}")


def configurations(block: Block) -> Iterator[list[str]]:
    """The words of the first and the last job of each ``vaerun train`` and ``vaerun sweep`` of a block.

    Words that choose no configuration, or that need a package that may be missing, are left out.
    """
    for command in commands(block) if block.language == "sh" else ():
        words = shlex.split(command, comments=True)
        if words[:1] != ["vaerun"] or words[1] not in ("train", "sweep") or "sweep.illegal=skip" in words:
            continue
        kept = [word for word in words[2:] if "=" in word and not word.startswith(OTHER) and "(" not in word]
        lists = []
        for word in kept:
            key, _, value = word.partition("=")
            several = "," in value and not re.search(r"[\[{'\"]", value)
            lists.append([f"{key}={one}" for one in value.split(",")] if several else [word])
        every = list(itertools.product(*lists))
        yield from map(list, dict.fromkeys((every[0], every[-1])))
