"""The metrics that several strategies report of finding φ."""

from vaerun.metric.metric import Chart, Metric

INFERENCE = "Inference of φ"
INNER_STEPS = Metric(
    "inner_steps", "not a bound: steps of the inner loop, mean over points", chart=Chart(INFERENCE, "inner steps")
)
INNER_CONVERGED = Metric(
    "inner_converged",
    "not a bound: share of the points whose ascent in φ converged",
    chart=Chart(INFERENCE, "share of the points that have converged"),
)
