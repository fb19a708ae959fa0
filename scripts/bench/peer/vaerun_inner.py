"""The inner loop of strategy=coordinate alone: rows read, ``VISIT`` steps of the solver at fixed θ, rows written."""

from bench.case import VISIT, Case
from bench.gate import Gate
from bench.peer.vaerun_train import STEPS_ALONE, overrides


def train(case: Case, gate: Gate, *words: str) -> None:
    """Visits batch after batch, with the run's own objects."""
    from vaerun.config.hydra import compose
    from vaerun.data.loader import Loader
    from vaerun.experiment.build import build

    if case.device == "cuda":
        import torch

        gate.synchronize = torch.cuda.synchronize
    cfg, _ = compose([*overrides(case), *STEPS_ALONE, "strategy=coordinate", *words])
    run = build(cfg)
    strategy, table = run.strategy, run.strategy.table("train")
    gate.about = {"table_bytes_per_point": sum(row.nbytes for row in table.buffers()) / len(run.data.train)}
    loader = Loader(run.data.train, batch_size=case.batch, seed=0)
    epoch = 0
    while True:
        for batch in loader.epoch(epoch):
            start = strategy.begin(batch)
            solution = strategy.solver(batch.x, start.phi, start.state, max_steps=VISIT, cuts=0)
            table.write(batch.index, solution.phi, solution.state)
            gate.step()
        epoch += 1
