"""φ_i in NumPyro: tables of parameters indexed by the batch, θ frozen, jitted; Adam moves the whole table."""

import jax
import numpy as np
import numpyro
from jax import numpy as jnp
from numpyro.distributions import Bernoulli, Normal, constraints
from numpyro.infer import SVI, Trace_ELBO

from bench.case import HIDDEN, PIXELS, VISIT, Case
from bench.gate import Gate
from bench.peer.numpyro_svi import layers, order
from bench.worker import train_rows


def train(case: Case, gate: Gate) -> None:
    """Visits batch after batch, ``VISIT`` steps each."""
    initialise, decode = layers(HIDDEN[::-1], PIXELS)
    _, theta = initialise(jax.random.PRNGKey(1), (case.batch, case.latents))

    def model(rows: jax.Array, index: jax.Array) -> None:
        with numpyro.plate("batch", case.batch):
            z = numpyro.sample("z", Normal(0, 1).expand([case.latents]).to_event(1))
            numpyro.sample("x", Bernoulli(logits=decode(theta, z)).to_event(1), obs=rows)

    def guide(rows: jax.Array, index: jax.Array) -> None:
        loc = numpyro.param("loc", jnp.zeros((case.points, case.latents)))
        scale = numpyro.param("scale", jnp.ones((case.points, case.latents)), constraint=constraints.positive)
        with numpyro.plate("batch", case.batch):
            numpyro.sample("z", Normal(loc[index], scale[index]).to_event(1))

    svi = SVI(model, guide, numpyro.optim.Adam(0.1), Trace_ELBO())
    x = jnp.asarray(np.load(train_rows(case)))
    places = order(np.random.default_rng(0), case)
    state = svi.init(jax.random.PRNGKey(0), x[: case.batch].astype(jnp.float32), jnp.arange(case.batch))

    def visit(state, x, index):
        rows = x[index].astype(jnp.float32)
        return jax.lax.scan(lambda held, _: svi.update(held, rows, index), state, length=VISIT)

    visit = jax.jit(visit, donate_argnums=0)
    while True:
        state, losses = visit(state, x, jnp.asarray(next(places)))
        gate.step(jax.block_until_ready(losses)[-1] / case.batch)
