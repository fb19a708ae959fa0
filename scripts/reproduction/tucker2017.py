"""The first epochs of REBAR with two layers, and the variance of estimators with one."""

import math

from reproduction.expected import head
from reproduction.laboratory import Laboratory
from reproduction.table import Row, above

REFERENCE = "Tucker, Mnih, Maddison, Lawson, Sohl-Dickstein 2017, REBAR"
SOURCE = (
    "research/rebar/README.md of github.com/tensorflow/models: the mean training ELBO of each of the first four "
    "epochs. The order of the variances is the claim of the paper's abstract; figures of its plots could not be "
    "traced."
)
REMARKS = (
    "As there: 200-200-784 bits, linear maps, the bits of layer 2 of q conditioned on those of layer 1, a control "
    "variate for each layer, the same noise for g and for g given z, statically binarised MNIST, batches of 24, Adam "
    "at 3e-4 with β_2 = 0.99999, η and τ trained with ten times the steps of the weights, an encoder that "
    "reads x − mean.",
    "Unlike there: no baseline network beside the control variates; one η for all weights, not one for each; the "
    "relaxation; the weights of q between the layers start near zero; the last incomplete batch of an epoch is "
    "dropped.",
    "Initial weights are normal with variance 2/inputs, as there (slim.variance_scaling_initializer). Epoch 1 is "
    "better than the published one because the weights of q between the layers start near zero.",
    "What the parts are worth in the four epochs: with the steps of the weights for η and τ, too, and with an encoder "
    "that reads (x − mean)/(4 standard deviations) (`estimator.step_factor=1 amortizer.spread=null`), they had "
    "−228.14, −162.70, −149.36 and −143.12; with the second change alone −223.18, −158.13, −145.11 and −139.34. The "
    "steps matter because τ starts at 0.5: with one layer, after four epochs, the variance of ∂/∂λ is 1,031 at "
    "τ = 0.11, and 1,927 at the τ = 0.38 that `estimator.step_factor=1` reaches.",
    "The variances are those of one draw. A draw of REBAR and one of MuProp decode twice for each point, one of the "
    "score function once.",
)
TWO, ONE = "tucker2017/two_layers", "tucker2017/one_layer"


def rows(laboratory: Laboratory) -> list[Row]:
    """The ELBO of four epochs, and the ratios of variances."""
    return [*epochs(laboratory), *variances(laboratory)]


def epochs(laboratory: Laboratory) -> list[Row]:
    """elbo/train of each epoch."""
    run = laboratory.train(TWO)
    by_epoch = {round(record["epoch"]): record["elbo/train"] for record in run.records if "elbo/train" in record}
    return [
        Row(
            f"{TWO}, epoch {epoch}",
            "mean training ELBO of the epoch, nats",
            by_epoch[epoch],
            published=published.value,
            budget=run.budget,
            command=run.command,
            seconds=run.seconds,
        )
        for epoch, published in (
            (int(tag.rpartition("@")[2]), published) for tag, published in head(TWO).figures().items()
        )
    ]


def variances(laboratory: Laboratory) -> list[Row]:
    """tr Cov of ∂/∂λ, each as a ratio to that of REBAR."""
    run = laboratory.train(ONE)
    names = ("own", "muprop_learned", "score_learned")
    found = {name: run.metrics[f"gradient_variance/{name}_lam"] for name in names}
    relative = {name: run.metrics[f"gradient_variance_se/{name}_lam"] / found[name] for name in names}
    ratios = {name: found[name] / found["own"] for name in names}
    errors = {name: ratios[name] * math.hypot(relative[name], relative["own"]) for name in names}
    return [
        Row(
            f"{ONE}, {name}",
            "variance of ∂/∂λ over that of REBAR",
            ratios[key],
            error=errors[key],
            claim="above 1",
            holds=above(ratios[key] - 1, errors[key]),
            budget=run.budget,
            command=run.command,
            seconds=run.seconds,
        )
        for key, name in (("muprop_learned", "MuProp"), ("score_learned", "score, learned baseline"))
    ]
