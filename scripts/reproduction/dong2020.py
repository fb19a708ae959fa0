"""The variance of DisARM, ARM and REINFORCE leave-one-out at the same parameters."""

import math

from reproduction.laboratory import Laboratory
from reproduction.table import Row, above

REFERENCE = "Dong, Mnih, Tucker 2020, DisARM: an antithetic gradient estimator for binary latent variables"
SOURCE = "the abstract: DisARM has a lower variance than ARM, and than a strong baseline of independent samples."
REMARKS = (
    "Variance × decoder evaluations compares at equal cost: with K = 2, DisARM and ARM evaluate the decoder four "
    "times for each point, leave-one-out twice. The parameters are those of the run with DisARM.",
)
NAME = "dong2020/static_linear"


def rows(laboratory: Laboratory) -> list[Row]:
    """Ratios to DisARM at equal cost."""
    run = laboratory.train(NAME, short=3)
    m = run.metrics

    def cost(name: str) -> float:
        return m[f"gradient_variance/{name}_lam"] * m[f"gradient_decodes/{name}"]

    def relative(name: str) -> float:
        return m[f"gradient_variance_se/{name}_lam"] / m[f"gradient_variance/{name}_lam"]

    ratios = {name: cost(name) / cost("own") for name in ("arm", "score_leave_one_out")}
    errors = {name: ratio * math.hypot(relative(name), relative("own")) for name, ratio in ratios.items()}
    return [
        Row(
            f"{NAME}, {label}",
            "variance of ∂/∂λ × evaluations, over that of DisARM",
            ratios[name],
            error=errors[name],
            claim="above 1",
            holds=above(ratios[name] - 1, errors[name]),
            budget=run.budget,
            command=run.command,
            seconds=run.seconds,
        )
        for name, label in (("arm", "ARM"), ("score_leave_one_out", "leave-one-out"))
    ]
