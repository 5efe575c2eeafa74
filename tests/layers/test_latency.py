"""The layer of single spikes."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import layers


def test_the_matrix_of_spikes_is_never_made():
    layer = layers.Feedforward(layers.LatencyLinear(300, 20, 50, key=jr.key(0)), nex.LIF(tau=10.0), nex.Expon(10.0))
    steps = layers.latency_steps(jr.uniform(jr.key(1), (8, 300)), 50)
    grad = jax.jit(jax.grad(lambda w, steps: jnp.sum(jax.vmap(lambda s: layers.Feedforward(
        layers.LatencyLinear(300, 20, 50, weight=w), layer.cell, layer.synapse)(s))(steps))))  # fmt: skip
    text = grad.lower(layer.connect.weight, steps).compile().as_text()
    for kernel in ("sort", "add_rows", "outer"):
        assert f"neuroeqx_latency_{kernel}" in text
    assert " dot(" not in text and " transpose(" not in text and "50,8,300" not in text and "8,50,300" not in text


def test_the_latency_code():
    """The membrane of a constant current crosses the threshold within the step."""
    x = jnp.asarray([0.0, 0.19, 0.2, 0.21, 0.25, 0.5, 1.0])
    steps = np.asarray(layers.latency_steps(x, 60, tau=20.0))
    for intensity, step in zip(np.asarray(x, float), steps, strict=True):
        v = lambda t, intensity=intensity: intensity * (1.0 - np.exp(-t / 20.0))
        if step == 60:
            assert v(60.0) <= 0.2 or intensity <= 0.2
        else:
            assert v(step) <= 0.2 < v(step + 1)
    assert steps.tolist() == [60, 60, 60, 60, 32, 10, 4]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.LatencyLinear(3, 2, 5), ValueError, "a `key` is needed"),
        (lambda: layers.LatencyLinear(3, 2, 0, key=jr.key(0)), ValueError, "`steps` must be a whole number"),
        (lambda: layers.LatencyLinear(3, 2, 5, weight=jnp.zeros((2, 3))), ValueError, "`weight` must have the shape"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
