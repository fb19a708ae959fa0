"""Pyro's SVI as in its VAE tutorial, K as vectorised particles; validation off and logits, which are its fastest."""

import numpy as np
import pyro
import torch
from pyro.distributions import Bernoulli, Normal
from pyro.infer import SVI, RenyiELBO, Trace_ELBO
from torch.utils.data import DataLoader, TensorDataset

from bench.case import Case
from bench.gate import Gate
from bench.peer.network import Network
from bench.worker import train_rows


def train(case: Case, gate: Gate) -> None:
    """Trains on and on."""
    pyro.enable_validation(False)
    pyro.set_rng_seed(0)
    device = torch.device(case.device)
    if device.type == "cuda":
        gate.synchronize = torch.cuda.synchronize
    network = Network(case.latents).to(device)

    def model(x: torch.Tensor) -> None:
        pyro.module("decoder", network.decoder)
        with pyro.plate("data", len(x)):
            zeros = x.new_zeros(len(x), case.latents)
            z = pyro.sample("z", Normal(zeros, torch.ones_like(zeros)).to_event(1))
            pyro.sample("x", Bernoulli(logits=network.decoder(z)).to_event(1), obs=x)

    def guide(x: torch.Tensor) -> None:
        pyro.module("encoder", network.encoder)
        with pyro.plate("data", len(x)):
            mu, log_variance = network.encoder(x).chunk(2, 1)
            pyro.sample("z", Normal(mu, (0.5 * log_variance).exp()).to_event(1))

    if case.objective == "iwae":
        loss = RenyiELBO(alpha=0, num_particles=case.samples, vectorize_particles=True, max_plate_nesting=1)
    else:
        loss = Trace_ELBO(num_particles=case.samples, vectorize_particles=case.samples > 1, max_plate_nesting=1)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 1e-3}), loss)
    x = torch.from_numpy(np.load(train_rows(case))).float()
    loader = DataLoader(TensorDataset(x), batch_size=case.batch, shuffle=True, drop_last=True)
    while True:
        for (rows,) in loader:
            gate.step(svi.step(rows.to(device)) / len(rows))
