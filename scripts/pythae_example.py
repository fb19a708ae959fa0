"""The VAE of pythae's table in plain PyTorch: the networks of its published model, initial weights, inputs, step sizes.

    python scripts/pythae_example.py --root FOLDER_WITH_MNIST --epochs 500

It prints the ELBO of the validation points after each epoch, one sample for each point, to be compared with elbo/valid
of ``vaerun train experiment=pythae/vae_mnist``; and at the end L_200 at the test points, by the weights of the best
epoch, to be compared with iwae_200/test. It needs binarized_mnist.npz in the folder.
"""

import argparse
import copy
import math
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

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q, Float[Tensor, "B D"] each."""
        hidden = self.encoder(x)
        return self.mean(hidden), self.log_variance(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The ELBO of every point by one sample of z, Float[Tensor, "B"]."""
        mean, log_variance = self.posterior(x)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        log_likelihood = -binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        return log_likelihood + 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)

    def tighter(self, x: Tensor, samples: int) -> Tensor:
        """L_K of every point, log 1/K Σ_k p(x, z_k)/q(z_k), Float[Tensor, "B"]."""
        mean, log_variance = self.posterior(x)
        noise = torch.randn(samples, *mean.shape)
        z = mean + (0.5 * log_variance).exp() * noise
        target = x.expand(samples, *x.shape)
        log_likelihood = -binary_cross_entropy_with_logits(self.decoder(z), target, reduction="none").sum(-1)
        log_weight = log_likelihood + 0.5 * (noise**2 + log_variance - z**2).sum(-1)
        return log_weight.logsumexp(0) - math.log(samples)


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="data folder with binarized_mnist.npz")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(123)
    with np.load(options.root / "binarized_mnist.npz") as file:
        train, valid, test = (
            torch.from_numpy(file[name].reshape(-1, 784)).float() for name in ("train", "valid", "test")
        )
    model = Example()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [200, 350], 10 ** (-1 / 5))
    best, weights = -math.inf, model.state_dict()
    for epoch in range(1, options.epochs + 1):
        for index in torch.randperm(len(train)).split(100):
            optimizer.zero_grad()
            (-model(train[index]).mean()).backward()
            optimizer.step()
        schedule.step()
        with torch.no_grad():
            elbo = model(valid).mean().item()
        if elbo > best:
            best, weights = elbo, copy.deepcopy(model.state_dict())
        print(f"epoch {epoch}  validation ELBO {elbo:.2f}", flush=True)
    model.load_state_dict(weights)
    with torch.no_grad():
        bound = torch.cat([model.tighter(x, 200) for x in test.split(50)])
    print(f"best validation ELBO {best:.2f}  test L_200 {bound.mean():.2f} ± {bound.std() / math.sqrt(len(bound)):.2f}")


if __name__ == "__main__":
    main()
