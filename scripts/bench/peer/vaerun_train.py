"""``vaerun train`` itself, with all it writes; its steps pass the gate where they pass its console.

Evaluation, pictures and checkpoints, which ``train_samples_per_second`` leaves out, come after the last epoch only.
"""

import sys

from bench.case import Case
from bench.gate import Gate

NETWORK = (
    "amortizer.hidden=[200,200]",
    "amortizer.activation=tanh",
    "model.decoder.hidden=[200,200]",
    "model.decoder.activation=tanh",
)
IMAGES = (
    *("amortizer=conv", "amortizer.channels=[32,64]", "amortizer.hidden=[256]", "amortizer.activation=relu"),
    *("model/decoder=conv", "model.decoder.channels=[32,64]", "model.decoder.hidden=[256]"),
    *("model.decoder.activation=relu",),
)
STEPS_ALONE = (
    "trainer.epochs=1000000",
    "trainer.validation.every=1000000",
    "trainer.records.images_every=0",
    "trainer.checkpoints.seconds=1e9",
)


def overrides(case: Case) -> list[str]:
    """The case in vaerun's words."""
    return [
        "data=arrays",
        f"data.path={case.data}/data.npz",
        *(IMAGES if case.image else NETWORK),
        *(["data.layout=channels_last"] if len(case.image) == 3 else []),
        f"model.latent_dim={case.latents}",
        f"objective={case.objective}",
        f"objective.num_samples={case.samples}",
        f"trainer.batch_size={case.batch}",
        f"execution.device={case.device}",
        "execution.threads=1",
    ]


def train(case: Case, gate: Gate, *words: str) -> None:
    """Runs the command."""
    from vaerun import cli
    from vaerun.tracking.console import Console

    shown, recorded = Console.step, Console.scalars

    def step(self, number: int) -> None:
        shown(self, number)
        gate.step()

    def scalars(self, number: int, values) -> None:
        recorded(self, number, values)
        gate.loss = -values.get("objective/train", values.get("elbo/train", float("nan")))

    Console.step, Console.scalars = step, scalars
    if case.device == "cuda":
        import torch

        gate.synchronize = torch.cuda.synchronize
    sys.exit(cli.dispatch(["train", *overrides(case), *STEPS_ALONE, "hydra.run.dir=run", *words]))
