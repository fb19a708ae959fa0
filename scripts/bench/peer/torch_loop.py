"""The loop that people write after pytorch/examples: DataLoader, sigmoid and cross-entropy, Adam, loss.item().

With ``tuned`` it is what a careful person makes of it: rows gathered in memory, cross-entropy of logits, fused Adam.
With ``layers`` it is the layers alone, forwards and backwards, on one batch: no loss, no samples, no optimiser.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.case import Case
from bench.gate import Gate
from bench.peer.network import Network
from bench.worker import train_rows


def train(case: Case, gate: Gate, *words: str) -> None:
    """Trains on and on."""
    tuned = "tuned" in words
    device = torch.device(case.device)
    if device.type == "cuda":
        gate.synchronize = torch.cuda.synchronize
    torch.manual_seed(0)
    x = torch.from_numpy(np.load(train_rows(case))).float()
    x = x.to(device) if tuned else x
    network = Network(case.latents, tuple(case.image)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True if tuned else None)
    loader = DataLoader(TensorDataset(x), batch_size=case.batch, shuffle=True, drop_last=True)
    total = 0.0
    while "layers" in words:
        optimizer.zero_grad()
        outputs = network.decoder(network.encoder(x[: case.batch])[:, : case.latents].unsqueeze(0))
        outputs.backward(torch.ones_like(outputs))
        gate.step()
    while True:
        batches = gathered(x, case.batch) if tuned else (rows.to(device) for (rows,) in loader)
        for batch in batches:
            optimizer.zero_grad()
            loss = network.minus_bound(batch, case, logits=tuned)
            loss.backward()
            total = total + (loss.detach() if tuned else loss.item())
            optimizer.step()
            gate.step(loss)


def gathered(x: torch.Tensor, batch: int):
    """One epoch of rows of ``x``."""
    for index in torch.randperm(len(x), device=x.device).split(batch):
        if len(index) == batch:
            yield x.index_select(0, index)
