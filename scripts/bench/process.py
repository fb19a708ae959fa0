"""The worker processes, as the one that compares them sees them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.case import Case, Peer

LENGTH = 160  # of what a failed worker's last words are cut to
HERE = Path(__file__).resolve().parent.parent
JAX = {  # on this device and no other, all of float32, and no more of the device's memory than is used
    "cpu": {"JAX_PLATFORMS": "cpu"},
    "cuda": {
        "JAX_PLATFORMS": "cuda",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    },
}


def environment(threads: int) -> dict[str, str]:
    """Of a worker: so many threads in every library, and the benchmark's own modules found."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    one = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" if threads == 1 else ""
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VAERUN_CONF")}
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**inherited, **dict.fromkeys(names, count), "XLA_FLAGS": one, "PYTHONPATH": path, "TQDM_DISABLE": "1"}


class Worker:
    """One peer at one case, started at once; ``error`` says why it cannot run, None if it can.

    Args:
        peer: the program.
        case: the problem.
        folder: where it may write.
        threads: how many it may use.
    """

    def __init__(self, peer: Peer, case: Case, folder: Path, threads: int) -> None:
        self.peer, self.case = peer, case
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.txt"
        self.error: str | None = None
        words = [peer.module, json.dumps(case.plain()), json.dumps(peer.words), str(threads)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bench.worker", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env=environment(threads) | JAX[case.device],
            )
        self.first = self.answer()

    def take(self, steps: int) -> dict[str, Any]:
        """The worker's account of so many further steps; empty if it has failed."""
        if self.error:
            return {}
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line of the worker's."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said = json.loads(line) if line else {"error": self.last_words()}
        self.error = said.get("error")
        return {} if self.error else said

    def last_words(self) -> str:
        """Why a worker that says nothing has ended."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        words = lines[-1] if lines else f"ended with exit code {self.process.wait()}"
        return words if len(words) <= LENGTH else f"{words[:LENGTH]} …"

    def close(self) -> None:
        """Ends the worker."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
