"""BrainPy (brainpy.state) on the network of `../snn_training.py`: `python snn_brainpy.py --batch 128 --threads 1`."""

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

import brainpy  # noqa: E402  # pyright: ignore[reportMissingImports]
import brainstate  # noqa: E402  # pyright: ignore[reportMissingImports]
import braintools  # noqa: E402  # pyright: ignore[reportMissingImports]
import brainunit as u  # noqa: E402  # pyright: ignore[reportMissingImports]
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402


first, second = map(jnp.asarray, weights())
gain = lambda tau: 1.0 / (1.0 - math.exp(-1.0 / tau))


class Network(brainstate.nn.Module):
    def __init__(self):
        super().__init__()
        surrogate = braintools.surrogate.InvSquareGrad(alpha=10.0)
        self.hidden = brainstate.nn.Linear(INPUTS, HIDDEN, w_init=first, b_init=None)
        self.synapse = brainpy.state.Expon(
            HIDDEN, tau=TAU_SYNAPSE * u.ms, g_initializer=braintools.init.Constant(0.0 * u.mA)
        )
        self.cells = brainpy.state.LIF(
            HIDDEN,
            R=gain(TAU_MEMBRANE) * u.ohm,
            tau=TAU_MEMBRANE * u.ms,
            V_th=1.0 * u.mV,
            spk_fun=surrogate,
            spk_reset="soft",
        )
        self.readout = brainstate.nn.Linear(HIDDEN, CLASSES, w_init=second, b_init=None)
        self.leaky = brainpy.state.Expon(CLASSES, tau=TAU_READOUT * u.ms, g_initializer=braintools.init.Constant(0.0))

    def update(self, spikes):
        z = self.cells(self.synapse(self.hidden(spikes) * u.mA))
        return self.leaky(self.readout(z)), z


with brainstate.environ.context(dt=1.0 * u.ms):
    network = Network()
    weights_of = network.states(brainstate.ParamState)
    optim = braintools.optim.Adam(lr=LEARNING_RATE)
    optim.register_trainable_weights(weights_of)

    def loss(spikes, labels):
        brainstate.nn.init_all_states(network, batch_size=args.batch)
        scores, z = brainstate.transform.for_loop(network.update, spikes)
        counts = z.sum(0)
        wrong = optax.softmax_cross_entropy_with_integer_labels(scores.max(0), labels).mean()
        squared = jnp.mean(jnp.sum(counts**2, axis=-1))
        return wrong + RATE_PENALTY * jnp.sum(counts) + COUNT_PENALTY * squared, counts.mean()

    @brainstate.transform.jit
    def update(spikes, labels):
        grads, value, counts = brainstate.transform.grad(loss, weights_of, return_value=True, has_aux=True)(
            spikes, labels
        )
        optim.update(grads)
        return value, counts

    made = [(jnp.asarray(spikes_of(s).swapaxes(0, 1)), jnp.asarray(labels)) for s, labels in batches(args)]
    step = lambda _, i: jax.block_until_ready(update(*made[i % len(made)]))
    line, (value, counts) = measure(args, lambda: step(None, 0), step)
    report(
        "brainpy.state",
        brainpy.__version__,
        args,
        line,
        spikes_per_neuron=round(float(counts), 2),
        loss=round(float(value), 4),
    )
