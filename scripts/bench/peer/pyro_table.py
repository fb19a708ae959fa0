"""φ_i in Pyro: a table of parameters in a plate that is subsampled, θ frozen; Adam moves the whole table."""

import numpy as np
import pyro
import torch
from pyro.distributions import Bernoulli, Normal, constraints
from pyro.infer import SVI, Trace_ELBO

from bench.case import VISIT, Case
from bench.gate import Gate
from bench.peer.network import Network
from bench.worker import train_rows


def train(case: Case, gate: Gate) -> None:
    """Visits batch after batch, ``VISIT`` steps each."""
    pyro.enable_validation(False)
    pyro.set_rng_seed(0)
    device = torch.device(case.device)
    if device.type == "cuda":
        gate.synchronize = torch.cuda.synchronize
    x = torch.from_numpy(np.load(train_rows(case))).to(device)
    decoder = Network(case.latents).decoder.requires_grad_(False).to(device)
    shape = (case.points, case.latents)

    def model(rows: torch.Tensor, index: torch.Tensor) -> None:
        with pyro.plate("data", case.points, subsample=index):
            zeros = rows.new_zeros(len(rows), case.latents)
            z = pyro.sample("z", Normal(zeros, torch.ones_like(zeros)).to_event(1))
            pyro.sample("x", Bernoulli(logits=decoder(z)).to_event(1), obs=rows)

    def guide(rows: torch.Tensor, index: torch.Tensor) -> None:
        loc = pyro.param("loc", lambda: torch.zeros(shape, device=device))
        scale = pyro.param("scale", lambda: torch.ones(shape, device=device), constraint=constraints.positive)
        with pyro.plate("data", case.points, subsample=index):
            pyro.sample("z", Normal(loc[index], scale[index]).to_event(1))

    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO(max_plate_nesting=1))
    while True:
        for index in torch.randperm(case.points, device=device).split(case.batch):
            rows = x.index_select(0, index).float()
            for _ in range(VISIT):
                loss = svi.step(rows, index)
            gate.step(loss / case.points)
