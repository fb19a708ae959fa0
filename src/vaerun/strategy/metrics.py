"""The metrics that several strategies report of finding φ."""

from vaerun.metric.metric import Chart, Metric

INFERENCE = "Inference of φ"
INNER_STEPS = Metric(
    "inner_steps", "not a bound: steps of the inner loop, mean over points", chart=Chart(INFERENCE, "inner steps")
)
INNER_CONVERGED = Metric(
    "inner_converged",
    "not a bound: share of the points whose φ has hardly anything left to gain",
    chart=Chart(INFERENCE, "share of the points that have converged"),
)
GAIN_LEFT = Metric(
    "gain_left",
    "not a bound: estimated increase of the ELBO if every stored φ_i were moved to its optimum, mean over points; on "
    "validation points the estimate includes the noise of gradients, so it is rather too large",
    "nat",
    "lower",
    chart=Chart(INFERENCE, "nats left to gain in φ"),
)
