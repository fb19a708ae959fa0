"""NumPyro's SVI, as many steps as the gate wants scanned in one jitted call, which is its fastest."""

import jax
import numpy as np
import numpyro
from jax import numpy as jnp
from jax.example_libraries import stax
from numpyro.distributions import Bernoulli, Normal
from numpyro.infer import SVI, RenyiELBO, Trace_ELBO

from bench.case import HIDDEN, PIXELS, Case
from bench.gate import Gate
from bench.worker import train_rows


def layers(hidden: tuple[int, ...], outputs: int):
    """A perceptron, as a pair of functions."""
    between = [layer for units in hidden for layer in (stax.Dense(units), stax.Tanh)]
    return stax.serial(*between, stax.Dense(outputs))


def train(case: Case, gate: Gate) -> None:
    """Trains on and on."""
    encoder, decoder = layers(HIDDEN, 2 * case.latents), layers(HIDDEN[::-1], PIXELS)

    def model(x: jax.Array) -> None:
        decode = numpyro.module("decoder", decoder, (case.batch, case.latents))
        with numpyro.plate("data", case.batch):
            z = numpyro.sample("z", Normal(0, 1).expand([case.latents]).to_event(1))
            numpyro.sample("x", Bernoulli(logits=decode(z)).to_event(1), obs=x)

    def guide(x: jax.Array) -> None:
        encode = numpyro.module("encoder", encoder, (case.batch, PIXELS))
        with numpyro.plate("data", case.batch):
            mu, log_variance = jnp.split(encode(x), 2, axis=-1)
            numpyro.sample("z", Normal(mu, jnp.exp(0.5 * log_variance)).to_event(1))

    if case.objective == "iwae":
        loss = RenyiELBO(alpha=0, num_particles=case.samples)
    else:
        loss = Trace_ELBO(num_particles=case.samples)
    svi = SVI(model, guide, numpyro.optim.Adam(1e-3), loss)
    x = jnp.asarray(np.load(train_rows(case)), dtype=jnp.float32)
    state = svi.init(jax.random.PRNGKey(0), x[: case.batch])

    @jax.jit
    def chunk(state, x, places):
        return jax.lax.scan(lambda held, index: svi.update(held, x[index]), state, places)

    rng = np.random.default_rng(0)
    places = order(rng, case)
    while True:
        wanted = [next(places) for _ in range(gate.wanted)]
        state, losses = chunk(state, x, jnp.asarray(np.stack(wanted)))
        gate.done(gate.wanted, jax.block_until_ready(losses)[-1] / case.batch)


def order(rng: np.random.Generator, case: Case):
    """Places of the points of batch after batch, a permutation an epoch."""
    while True:
        places = rng.permutation(case.points).astype(np.int32)
        for start in range(0, case.points - case.batch + 1, case.batch):
            yield places[start : start + case.batch]
