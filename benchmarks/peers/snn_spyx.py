"""spyx on the network of `../snn_training.py`: `python snn_spyx.py --batch 128 --threads 1`."""

import math
import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1]))
from _snn import (  # noqa: E402
    arguments,
    batches,
    CLASSES,
    COUNT_PENALTY,
    HIDDEN,
    INPUTS,
    LEARNING_RATE,
    measure,
    RATE_PENALTY,
    report,
    spikes_of,
    TAU_MEMBRANE,
    TAU_READOUT,
    TAU_SYNAPSE,
    weights,
)


args = arguments(__doc__)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402
import spyx  # noqa: E402  # pyright: ignore[reportMissingImports]
from flax import nnx  # noqa: E402  # pyright: ignore[reportMissingImports]
from spyx import nn  # noqa: E402  # pyright: ignore[reportMissingImports]


first, second = weights()
rngs = nnx.Rngs(0)
decay = lambda tau: math.exp(-1.0 / tau)
hidden, readout = (
    nnx.Linear(INPUTS, HIDDEN, use_bias=False, rngs=rngs),
    nnx.Linear(HIDDEN, CLASSES, use_bias=False, rngs=rngs),
)
hidden.kernel[...], readout.kernel[...] = jnp.asarray(first), jnp.asarray(second)
cells = nn.CuBaLIF((HIDDEN,), decay(TAU_SYNAPSE), decay(TAU_MEMBRANE), activation=spyx.axn.superspike(10.0), rngs=rngs)
leaky = nn.LI((CLASSES,), decay(TAU_READOUT), rngs=rngs)


class Network(nnx.Module):
    def __init__(self):
        self.hidden, self.readout = hidden, readout
        self.layers = nn.Sequential(cells)
        self.last = nn.Sequential(readout, leaky)

    def __call__(self, spikes):  # [time, batch, inputs]
        currents = self.hidden(spikes)  # for all steps at once, as its documentation advises where that is possible
        z, _ = nn.run(self.layers, currents)
        scores, _ = nn.run(self.last, z)
        return scores.max(0), z.sum(0)


network = Network()
optim = nnx.Optimizer(network, optax.adam(LEARNING_RATE), wrt=nnx.Param)


def loss(network, spikes, labels):
    scores, counts = network(jnp.swapaxes(spikes, 0, 1))
    wrong = optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()
    squared = jnp.mean(jnp.sum(counts**2, axis=-1))
    return wrong + RATE_PENALTY * jnp.sum(counts) + COUNT_PENALTY * squared, jnp.mean(counts)


@nnx.jit
def update(network, optim, spikes, labels):
    (value, counts), grads = nnx.value_and_grad(loss, has_aux=True)(network, spikes, labels)
    optim.update(network, grads)
    return value, counts


made = [(jnp.asarray(spikes_of(steps)), jnp.asarray(labels)) for steps, labels in batches(args)]
step = lambda _, i: jax.block_until_ready(update(network, optim, *made[i % len(made)]))
line, (value, counts) = measure(args, lambda: step(None, 0), step)
report("spyx", spyx.__version__, args, line, spikes_per_neuron=round(float(counts), 2), loss=round(float(value), 4))
