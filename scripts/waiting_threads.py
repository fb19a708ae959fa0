"""How long should a thread wait for another one before it gives its core back? Prints a table.

    python scripts/waiting_threads.py --neighbours 0 1

A step of a 784-200-200-784 network, with its gradients, takes one or two threads, while no or one other program keeps a
core busy. GOMP_SPINCOUNT is the number of times that a thread of libgomp, which torch uses on Linux, looks for work
before it sleeps. Rates are by the wall clock, in turn, and medians over rounds; they mean something on a machine with
two cores and nothing else running.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

CHOICES = ((1, ""), (2, ""), (2, "10000"), (2, "3000"), (2, "1000"), (2, "300"))
BUSY = "while True: pass"


def main() -> None:
    """Measures every choice in every round, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1], help="other busy programs")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--worker", type=int, metavar="THREADS", help="only measure, in this process")
    options = parser.parse_args()
    if options.worker:
        print(rate(options.worker, options.batch, options.seconds))
        return
    print("| busy neighbours | threads | GOMP_SPINCOUNT | steps/s | ratio to one thread |")
    print("|---|---|---|---|---|")
    for number in options.neighbours:
        neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(number)]
        try:
            rates = [[asked(*choice, options) for choice in CHOICES] for _ in range(options.rounds)]
        finally:
            for neighbour in neighbours:
                neighbour.kill()
        for place, (threads, spins) in enumerate(CHOICES):
            steps = statistics.median(found[place] for found in rates)
            ratio = statistics.median(found[place] / found[0] for found in rates)
            print(f"| {number} | {threads} | {spins or 'not set'} | {steps:.1f} | {ratio:.2f} |", flush=True)


def asked(threads: int, spins: str, options: argparse.Namespace) -> float:
    """Steps per second of a process of its own."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"GOMP_SPINCOUNT": spins} if spins else {}
    words = ["--worker", str(threads), "--batch", str(options.batch), "--seconds", str(options.seconds)]
    done = subprocess.run([sys.executable, __file__, *words], env=environment, capture_output=True, check=True)
    return float(done.stdout)


def rate(threads: int, batch: int, seconds: float) -> float:
    """Steps per second."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    between = nn.Tanh()
    network = nn.Sequential(nn.Linear(784, 200), between, nn.Linear(200, 200), between, nn.Linear(200, 784))
    weights, x = list(network.parameters()), torch.rand(batch, 784)

    def step() -> None:
        gradients = torch.autograd.grad((network(x) - x).square().mean(), weights)
        with torch.no_grad():
            torch._foreach_add_(weights, gradients, alpha=-1e-3)

    for _ in range(5):
        step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
