"""Initial weights, by simulating what they are to bring about."""

import equinox as eqx
import jax
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import layers


INPUTS, RATE, NEURONS, STEPS = 300, 20.0, 100, 3000
SYNAPSE = nex.Expon(5.0)


@jax.jit
def drive(weight):
    """What Poisson inputs of this rate send, `[time, neurons]`."""
    return jr.poisson(jr.key(1), RATE / 1000.0, (STEPS, INPUTS)).astype(weight.dtype) @ weight


def test_the_membrane_has_the_mean_and_the_deviation():
    cell = nex.LIF(tau=10.0, v_rest=-3.0, v_reset=-3.0, v_th=1e6)
    draw = layers.fluctuation_driven(nex.Refractory(cell, 2.0), SYNAPSE, inputs=INPUTS, rate=RATE, mean=0.4, std=1.0)
    weight = draw(jr.key(0), (INPUTS, NEURONS))
    # A readout of the same equation is what the membrane does below the threshold.
    membrane = nex.Leaky(tau=10.0, v_rest=-3.0)
    v = eqx.filter_jit(layers.Feedforward(None, membrane, SYNAPSE))(drive(weight))[200:]
    assert abs(v.mean() - (-2.6)) < 0.1
    # Over time, of the average neuron; half of it shows that the square is right.
    np.testing.assert_allclose(np.sqrt(v.var(0).mean()), 1.0, rtol=0.06)
    # By the continuous integrals of the paper, in a limit: weights of the same spread to a few per cent.
    kernel = lambda t: (np.exp(-t / 10.0) - np.exp(-t / 5.0)) * 5.0 / (10.0 - 5.0)
    t = np.arange(0.0, 400.0, 0.01)
    expected = np.sqrt(1.0 / (INPUTS * RATE / 1000.0 * np.sum(kernel(t) ** 2) * 0.01))
    fine = layers.fluctuation_driven(cell, SYNAPSE, inputs=INPUTS, rate=RATE, std=1.0, dt=0.05)
    np.testing.assert_allclose(np.std(fine(jr.key(0), (300, 300))), expected, rtol=0.02)


def test_cells_fire_at_the_rate():
    cell = nex.Refractory(nex.LIF(tau=10.0), 3.0)
    draw = layers.rate_driven(cell, SYNAPSE, inputs=INPUTS, rate=RATE, target=12.0, mean=0.2, key=jr.key(2))
    spikes = eqx.filter_jit(layers.Feedforward(None, cell, SYNAPSE))(drive(draw(jr.key(0), (INPUTS, NEURONS))))
    assert abs(float(spikes.mean()) * 1000.0 - 12.0) < 2.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: layers.fluctuation_driven(nex.LIF(), SYNAPSE, inputs=2, rate=1.0, mean=5.0, std=0.1),
            "fluctuate by more than `std`",
        ),
        (lambda: layers.fluctuation_driven(nex.LIF(), inputs=10, rate=0.0, std=1.0), "There must be spikes"),
        (
            lambda: layers.rate_driven(nex.LIF(), SYNAPSE, inputs=300, rate=20.0, mean=5.0, target=1.0, key=jr.key(0)),
            "by the `mean` = 5 alone",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
