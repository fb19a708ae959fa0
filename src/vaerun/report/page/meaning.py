"""What each figure is a bound on, in a sentence."""

import re

MEANINGS = (
    (r"pseudo_.*", "no bound on log p(x): the model's likelihood is no density of these data, so that only "
                   "figures of one likelihood compare"),
    (r"elbo", "E_q[log p(x, z) − log q(z)], a lower bound on log p(x), with hard samples of the strategy's own q at KL "
              "weight 1, whatever was trained"),
    (r"elbo_.+", "the same lower bound on log p(x), with q found in the way that the name says"),
    (r"iwae_(\d+)", r"importance-weighted lower bound on log p(x) with K = \1 samples of the strategy's q; it never "
                    r"lies below the ELBO in expectation, and rises with K"),
    (r"ais", "log p(x) by annealed importance sampling: a lower bound in expectation, tight when the chains are long"),
    (r"approximation_gap", "log p̂(x) − L[q*]: what the family cannot reach at its best"),
    (r"amortization_gap", "L[q*] − L[q]: what the strategy's q loses against the best q* of the family"),
    (r"inference_gap", "log p̂(x) − L[q], an estimate of KL(q ‖ p(z given x)): the other two gaps together"),
    (r"gradient_variance", "summed variance of one gradient estimate over the parameters of a group"),
    (r"gradient_snr", "‖E[g]‖ / √tr Cov[g] of one gradient estimate; more is better"),
    (r"kl", "KL(q ‖ p(z)), part of the ELBO, no bound itself"),
    (r"log_likelihood", "E_q[log p(x given z)], part of the ELBO, no bound itself"),
    (r"active_units", "latent dimensions whose posterior mean varies with x"),
    (r"seconds", "time in training steps, evaluation excluded"),
    (r"decoder_evaluations", "passes of a data point's sample through the decoder during training: the cost that no "
                             "machine changes"),
    (r"samples_per_second", "data points per second of training steps, evaluation excluded"),
    (r"phi", "numbers stored per data point, N·P in all"),
)  # fmt: skip


def meaning(name: str) -> str | None:
    """The sentence for a column; None where its title says enough."""
    quantity = name.partition("/")[0]
    for pattern, sentence in MEANINGS:
        if match := re.fullmatch(pattern, quantity):
            return match.expand(sentence) if match.groups() else sentence
    return None
