"""A training step of a feed-forward spiking network on latency-coded input: how long, and how much memory?

784 inputs that spike once or never, 100 leaky integrate-and-fire neurons with exponential synapses, 10 leaky readouts, 100
steps of time; the loss is the cross-entropy of the largest readout over time, plus penalties of spikes; Adam. The peers in
`peers/snn_*.py` train the same network; `python -m neuroeqx train latency` trains it to the end.

    python benchmarks/snn_training.py --batch 128 --threads 1
"""

import time

from _snn import (
    arguments,
    batches,
    COUNT_PENALTY,
    LEARNING_RATE,
    measure,
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
import optax  # noqa: E402
from neuroeqx.train._latency import LatencyReader, loss, what_is_trained  # noqa: E402


first, second = (jnp.asarray(x) for x in weights())
taus = {"tau_membrane": TAU_MEMBRANE, "tau_synapse": TAU_SYNAPSE, "tau_readout": TAU_READOUT}
model = LatencyReader(first, second, STEPS, **taus)
trained, fixed = eqx.partition(model, nex.trainable(model, what_is_trained))
optim = optax.adam(LEARNING_RATE)
opt_state = optim.init(trained)


def update(trained, opt_state, steps, labels):
    def of(trained):
        batch = {"steps": steps, "label": labels}
        costs = {"rate_penalty": RATE_PENALTY, "count_penalty": COUNT_PENALTY}
        return loss(eqx.combine(trained, fixed), batch, None, **costs)

    (value, aux), grads = eqx.filter_value_and_grad(of, has_aux=True)(trained)
    updates, opt_state = optim.update(grads, opt_state, trained)
    return eqx.apply_updates(trained, updates), opt_state, value, aux["spikes"]


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
