"""How long vaerun compare takes over many runs: fabricates them, and times the command in a process of its own.

    python scripts/compare_benchmark.py --runs 500 --records 2000

Prints the seconds of the whole command, start included: without --at, and with it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from omegaconf import OmegaConf

from vaerun.config import hydra

STRATEGIES = ("amortized", "joint", "coordinate", "semi_amortized", "aggressive")
SEEDS = 5


def main() -> None:
    """Writes the runs, and times the comparison of all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--records", type=int, default=2000, help="logged steps of each run")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fabricate(Path(folder), options.runs, options.records)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(f"{options.runs} runs of {options.records} records, {size / 1e6:,.0f} MB")
        for words in ([], ["--at", "seconds=60"], ["--at", "decoder_evaluations=1e5"], ["--json"]):
            taken = [seconds([folder, *words]) for _ in range(options.repeats)]
            print(f"vaerun compare ROOT {' '.join(words):32} {min(taken):.2f} to {max(taken):.2f} s")


def seconds(words: list[str]) -> float:
    """Wall-clock seconds of one vaerun compare."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "vaerun", "compare", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def fabricate(root: Path, runs: int, count: int) -> None:
    """Run directories of full length, over five strategies, as many learning rates as it takes, and five seeds."""
    configs = {}
    for strategy in STRATEGIES:
        cfg, choices = hydra.compose([f"strategy={strategy}"])
        plain = OmegaConf.to_container(cfg, resolve=True)
        assert isinstance(plain, dict)
        plain.pop("resume", None)
        configs[strategy] = plain | {"choices": dict(choices)}
    for number in range(runs):
        seed, setting = number % SEEDS, number // SEEDS
        config = configs[STRATEGIES[setting % len(STRATEGIES)]] | {"seed": seed}
        config["optimizer"] = config["optimizer"] | {"learning_rate": 1e-4 * (1 + setting // len(STRATEGIES))}
        directory = root / f"{number}_seed{seed}"
        directory.mkdir()
        OmegaConf.save(OmegaConf.create(config), directory / "config.yaml")
        elbo = -100 + setting / 10 + seed / 7
        with (directory / "metrics.jsonl").open("w") as file:
            file.writelines(json.dumps(record(step, elbo)) + "\n" for step in range(1, count + 1))
        (directory / "summary.json").write_text(json.dumps(summary(seed, elbo, count), indent=2))


def record(step: int, elbo: float) -> dict[str, float]:
    """One logged step, with a validation at every tenth."""
    made = {"step": step, "epoch": step / 100, "seconds": step / 9.7, "train_seconds": step / 10.3}
    made |= {"decoder_evaluations": 100 * step, "encoder_evaluations": 100 * step}
    made |= {f"{tag}/train": elbo - 500 / (step + 7) for tag in ("elbo", "log_likelihood", "kl")}
    made |= {"gradient_norm/theta": 1 / (step + 7), "gradient_norm/lam": 2 / (step + 7)}
    if step % 10 == 0:
        made |= {f"{tag}/valid": elbo - 700 / (step + 7) for tag in ("elbo", "elbo_se", "log_likelihood", "kl")}
    return made


def summary(seed: int, elbo: float, count: int) -> dict[str, object]:
    """What a completed run leaves."""
    return {
        "status": "completed",
        "reason": None,
        "metrics": {"elbo/test": elbo, "elbo_se/test": 0.2, "iwae_100/test": elbo + 1, "iwae_100_se/test": 0.2},
        "steps": count,
        "best": {"step": count, "valid": elbo},
        "train_seconds": count / 10.3 + seed,
        "train_samples_per_second": 1030.0 + seed,
        "decoder_evaluations": 100 * count,
        "parameters": {"theta": 34064, "lam": 42040, "phi": 0},
        "peak_memory_bytes": 378253312 + seed,
        "device": "cpu (x86_64)",
        "threads": 2,
        "seed": seed,
        "data": {
            "name": "digits",
            "binarize": "static",
            "split_sizes": {"train": 1297, "valid": 200, "test": 300},
            "sha256": "c751fac608d1d8a9668fd02e58548fca6e3e5a5ca67d15579bac1b511a0c7945",
        },
    }


if __name__ == "__main__":
    main()
