"""The VAE of pythae's table in plain PyTorch: the networks of its published model, initial weights, inputs, step size.

    python scripts/pythae_example.py --root FOLDER_WITH_MNIST --epochs 10

It prints the ELBO of the validation points after each epoch, one sample for each point, to be compared with elbo/valid
of ``vaerun train experiment=pythae/vae_mnist``. It needs binarized_mnist.npz in the folder.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class Example(nn.Module):
    """784-400-400-40 and 40-400-400-784 with ReLU; q is normal with a mean and a log variance."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(400, 40), nn.Linear(400, 40)
        self.decoder = nn.Sequential(nn.Linear(40, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 784))

    def forward(self, x: Tensor) -> Tensor:
        """The ELBO of every point by one sample of z, Float[Tensor, "B"]."""
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        log_likelihood = -binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        return log_likelihood + 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="data folder with binarized_mnist.npz")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(123)
    with np.load(options.root / "binarized_mnist.npz") as file:
        train, valid = (torch.from_numpy(file[name].reshape(-1, 784)).float() for name in ("train", "valid"))
    model = Example()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for epoch in range(1, options.epochs + 1):
        for index in torch.randperm(len(train)).split(100):
            optimizer.zero_grad()
            (-model(train[index]).mean()).backward()
            optimizer.step()
        with torch.no_grad():
            print(f"epoch {epoch}  validation ELBO {model(valid).mean():.2f}", flush=True)


if __name__ == "__main__":
    main()
