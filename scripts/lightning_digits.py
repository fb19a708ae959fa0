"""The same training as the default run of vaerun, with PyTorch Lightning, for the table of docs/sweeps.md.

    pip install 'pytorch-lightning==2.5.5' hydra-joblib-launcher
    python scripts/lightning_digits.py -m 'seed=range(1,31)' hydra/launcher=joblib

64-400-2×20 and 20-400-64, ReLU, Adam at 1e-3, batches of 100, 20 epochs on the embedded digits, the ELBO of the
validation points after every epoch, L_100 of the test points with the best weights, and metrics in a CSV file.
"""

import warnings
from importlib import resources
from typing import Any

import hydra
import numpy as np
import pytorch_lightning as lightning
import torch
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

ConfigStore.instance().store("digits", {"seed": 0, "epochs": 20})


class VAE(lightning.LightningModule):
    """The variational autoencoder; mean is that of the training points."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 400), nn.ReLU(), nn.Linear(400, 40))
        self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 64))
        self.register_buffer("mean", mean)
        self.decoder[2].bias.data = mean.clamp(1e-3, 1 - 1e-3).logit()

    def bound(self, x: Tensor, samples: int) -> Tensor:
        """L_K of each point; the ELBO for one sample."""
        mu, log_s = self.encoder(x - self.mean).chunk(2, -1)
        noise = torch.randn(samples, *mu.shape)
        z = mu + log_s.exp() * noise
        log_ratio = (0.5 * (noise.square() - z.square()) + log_s).sum(-1)
        pixels = -nn.functional.binary_cross_entropy_with_logits(
            self.decoder(z), x.expand(samples, -1, -1), reduction="none"
        )
        return (pixels.sum(-1) + log_ratio).logsumexp(0) - np.log(samples)

    def training_step(self, batch: list[Tensor]) -> Tensor:
        loss = -self.bound(batch[0], 1).mean()
        self.log("elbo/train", -loss)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        self.log("elbo/valid", self.bound(batch[0], 1).mean())

    def test_step(self, batch: list[Tensor]) -> None:
        self.log("elbo/test", self.bound(batch[0], 1).mean())
        self.log("iwae_100/test", self.bound(batch[0], 100).mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


@hydra.main(version_base="1.3", config_path=None, config_name="digits")
def main(config: Any) -> None:
    """Trains one run in the directory that Hydra gives it."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    lightning.seed_everything(config.seed)
    train, valid, test = digits()
    folder = HydraConfig.get().runtime.output_dir
    best = ModelCheckpoint(folder, monitor="elbo/valid", mode="max")
    trainer = lightning.Trainer(
        max_epochs=config.epochs, accelerator="cpu", callbacks=[best], logger=CSVLogger(folder), log_every_n_steps=13,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(VAE(train.mean(0)), DataLoader(TensorDataset(train), 100, shuffle=True), loader(valid))
    trainer.test(ckpt_path="best", dataloaders=loader(test), verbose=False)


def digits() -> tuple[Tensor, Tensor, Tensor]:
    """The digits in vaerun, binarised once at random."""
    generator = torch.Generator().manual_seed(0)
    with resources.files("vaerun.data").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
        grey = [torch.from_numpy(archive[name]).reshape(-1, 64) / 16 for name in ("train", "valid", "test")]
    train, valid, test = (torch.bernoulli(x.float(), generator=generator) for x in grey)
    return train, valid, test


def loader(x: Tensor) -> DataLoader[Any]:
    """All points in batches of 500, in their order."""
    return DataLoader(TensorDataset(x), 500)


if __name__ == "__main__":
    main()
