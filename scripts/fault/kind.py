"""The kinds of run that are killed: every strategy, and what else has a state of its own."""

from tests.runs import TINY

SHORT = (*TINY, "execution.device=cpu")
OFTEN = "trainer.checkpoints.seconds=0"  # a checkpoint after every step, so that many kills fall into one
SELDOM = "trainer.checkpoints.seconds=0.2"
PER_POINT = ("strategy.test_steps=20",)
KINDS: dict[str, tuple[str, ...]] = {
    "amortized": ("strategy=amortized", OFTEN),
    "joint": ("strategy=joint", *PER_POINT, OFTEN),
    "coordinate": ("strategy=coordinate", "strategy.max_steps=3", *PER_POINT, OFTEN),
    "semi_amortized": ("strategy=semi_amortized", *PER_POINT, SELDOM),
    "iterative_amortized": ("strategy=iterative_amortized", SELDOM),
    "alternating": ("strategy=alternating", OFTEN),
    "aggressive": ("strategy=aggressive", SELDOM),
    "bits_score": ("strategy=coordinate", "strategy.max_steps=3", *PER_POINT, "posterior=bernoulli", "estimator=score"),
    "rebar": ("posterior=bernoulli", "estimator=rebar", SELDOM),
    "warm_up_redrawn": (
        "data.binarize=dynamic",
        "objective/kl_weight=linear",
        "objective.kl_weight.epochs=2",
        SELDOM,
    ),
    "images": ("strategy=amortized", "trainer.records.images_every=1", OFTEN),
}
