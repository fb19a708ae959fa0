"""The same network and loss as the DataLoader loop's in a LightningModule; no logger, progress bar or checkpoints."""

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.case import Case
from bench.gate import Gate
from bench.peer.network import Network
from bench.worker import train_rows


class Module(lightning.LightningModule):
    """The network and its step."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.network = Network(case.latents)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        return self.network.minus_bound(batch[0], self.case, logits=False)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Passing(lightning.Callback):
    """Passes the gate after every step."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.gate.step(outputs["loss"])


def train(case: Case, gate: Gate) -> None:
    """Trains on and on."""
    if case.device == "cuda":
        gate.synchronize = torch.cuda.synchronize
    torch.manual_seed(0)
    x = torch.from_numpy(np.load(train_rows(case))).float()
    trainer = lightning.Trainer(
        max_epochs=-1,
        accelerator="gpu" if case.device == "cuda" else "cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Passing(gate)],
    )
    trainer.fit(Module(case), DataLoader(TensorDataset(x), batch_size=case.batch, shuffle=True, drop_last=True))
