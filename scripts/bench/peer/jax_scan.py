"""φ_i by hand in JAX: rows of φ and of Adam's state gathered, steps scanned, rows scattered back; θ frozen, jitted."""

import jax
import numpy as np
from jax import numpy as jnp

from bench.case import HIDDEN, PIXELS, VISIT, Case
from bench.gate import Gate
from bench.peer.numpyro_svi import layers, order
from bench.worker import train_rows

RATE, BETA1, BETA2, EPS = 0.1, 0.9, 0.999, 1e-8


def train(case: Case, gate: Gate) -> None:
    """Visits batch after batch, ``VISIT`` steps each."""
    initialise, decode = layers(HIDDEN[::-1], PIXELS)
    _, theta = initialise(jax.random.PRNGKey(1), (case.batch, case.latents))

    def loss(phi, x, key):
        mu, log_sigma = jnp.split(phi, 2, axis=-1)
        noise = jax.random.normal(key, mu.shape)
        z = mu + jnp.exp(log_sigma) * noise
        o = decode(theta, z)
        log_likelihood = (x * o - jax.nn.softplus(o)).sum()
        return -(log_likelihood - 0.5 * (z**2).sum() + 0.5 * (noise**2).sum() + log_sigma.sum())

    def adam(held, key, x):
        phi, m, v, count = held
        value, gradient = jax.value_and_grad(loss)(phi, x, key)
        count = count + 1
        m = BETA1 * m + (1 - BETA1) * gradient
        v = BETA2 * v + (1 - BETA2) * gradient**2
        step = RATE * m / (1 - BETA1**count) / (jnp.sqrt(v / (1 - BETA2**count)) + EPS)
        return (phi - step, m, v, count), value

    def visit(tables, x, index, key):
        rows = x[index].astype(jnp.float32)
        held = tuple(table[index] for table in tables)
        held, values = jax.lax.scan(lambda h, k: adam(h, k, rows), held, jax.random.split(key, VISIT))
        return tuple(table.at[index].set(row) for table, row in zip(tables, held, strict=True)), values[-1]

    visit = jax.jit(visit, donate_argnums=0)
    x = jnp.asarray(np.load(train_rows(case)))
    key = jax.random.PRNGKey(0)
    tables = (*(jnp.zeros((case.points, 2 * case.latents)) for _ in range(3)), jnp.zeros((case.points, 1)))
    places = order(np.random.default_rng(0), case)
    while True:
        key, own = jax.random.split(key)
        tables, value = visit(tables, x, jnp.asarray(next(places)), own)
        gate.step(jax.block_until_ready(value) / case.batch)
