"""pythae's VAE or IWAE with a network of one's own, by its BaseTrainer."""

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from bench.case import PIXELS, Case
from bench.gate import Gate
from bench.peer.network import Network
from bench.worker import train_rows


class Encoder(BaseEncoder):
    """x ↦ (μ, log σ²)."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> ModelOutput:
        mu, log_variance = self.layers(x).chunk(2, 1)
        return ModelOutput(embedding=mu, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """z ↦ the pixels' probabilities, which pythae's cross-entropy asks for."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(z).sigmoid())


class Passing(TrainingCallback):
    """Passes the gate after every step."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_train_step_end(self, training_config, **_) -> None:
        self.gate.step()


def train(case: Case, gate: Gate) -> None:
    """Trains for more epochs than anybody waits for."""
    torch.manual_seed(0)
    if case.device == "cuda":
        gate.synchronize = torch.cuda.synchronize
    x = torch.from_numpy(np.load(train_rows(case))).float()
    network = Network(case.latents)
    shape = {"input_dim": (PIXELS,), "latent_dim": case.latents, "reconstruction_loss": "bce"}
    parts = {"encoder": Encoder(network.encoder), "decoder": Decoder(network.decoder)}
    if case.objective == "iwae":
        model = IWAE(IWAEConfig(**shape, number_samples=case.samples), **parts)
    else:
        model = VAE(VAEConfig(**shape), **parts)
    config = BaseTrainerConfig(
        output_dir="pythae",
        num_epochs=1_000_000,
        learning_rate=1e-3,
        per_device_train_batch_size=case.batch,
        no_cuda=case.device == "cpu",
    )
    dataset = BaseDataset(x, torch.zeros(len(x)))
    BaseTrainer(model, dataset, training_config=config, callbacks=[Passing(gate)]).train()
