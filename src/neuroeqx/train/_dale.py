"""Excitatory and inhibitory cells for tasks: recurrent weights that obey Dale's law, and networks of rate units with them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from .._types import Key
from ..layers import Constrained, Dale, Recurrent
from ..neurons import Graded
from ..steppers import Euler


EXCITATORY, INHIBITORY = 80, 20
CELLS = EXCITATORY + INHIBITORY
TAU = 100.0  # of rate units, ms
NOISE = 0.15


def signs() -> np.ndarray:
    """1 for excitatory cells, -1 for inhibitory ones."""
    return np.repeat([1, -1], [EXCITATORY, INHIBITORY])


def recurrence(weight: Float[Array, "post pre"]) -> Dale:
    """Weights that obey Dale's law; as there are more excitatory cells, each begins with less."""
    part = np.where(signs() > 0, INHIBITORY / EXCITATORY, 1.0)
    return Dale(weight * jnp.asarray(part, weight.dtype)[None, :], signs(), mask="no autapses")


def linear(inputs: int, outputs: int, initialiser: Any, key: Key, *, use_bias: bool = True) -> eqx.nn.Linear:
    """A layer of such weights, with a bias of 0 to begin with, or with none."""
    layer = eqx.nn.Linear(inputs, outputs, use_bias=use_bias, key=key)
    weight = initialiser(key, (outputs, inputs), layer.weight.dtype)
    layer = eqx.tree_at(lambda l: l.weight, layer, weight)
    return eqx.tree_at(lambda l: l.bias, layer, jnp.zeros(outputs)) if use_bias else layer


class RateUnits(eqx.Module):
    """v <- (1 - a) v + a (W x + M h + b) + sqrt(2 a) noise with h = relu(v) and a = dt / tau, and a linear readout of h.

    **Arguments:**

    - `inputs`: how many, with rates in Hz; x is the spikes that are expected of each in a step.
    - `answers`: the number of readouts.
    - `gain`: of the first recurrent weights, relative to those of He et al. (2015).
    - `dt`: ms, at most tau.
    """

    encode: eqx.nn.Linear
    units: Recurrent
    read: eqx.nn.Linear

    def __init__(self, inputs: int, answers: int, gain: float, dt: float, key: Key):
        keys, uniform = jr.split(key, 3), jax.nn.initializers.he_uniform(in_axis=1, out_axis=0)
        inner = eqx.nn.Linear(CELLS, CELLS, use_bias=False, key=keys[1])
        weight = recurrence(gain * uniform(keys[1], (CELLS, CELLS), inner.weight.dtype))
        inner = Constrained(eqx.tree_at(lambda l: l.weight, inner, weight))
        self.encode = linear(inputs, CELLS, uniform, keys[0])
        self.units = Recurrent(None, inner, Graded(tau=TAU, stepper=Euler()), dt=dt)
        self.read = linear(CELLS, answers, uniform, keys[2])

    def __call__(self, rates: Float[Array, "steps inputs"], key: Key) -> Float[Array, "steps answers"]:
        dt = self.units.dt
        seen = jax.vmap(self.encode)(rates * (dt / 1000.0))
        # As a current, of which a step takes the part dt / tau.
        noise = NOISE * (2.0 * TAU / dt) ** 0.5 * jr.normal(key, seen.shape)
        return jax.vmap(self.read)(self.units(seen + noise))

    @property
    def weights(self) -> tuple[Any, ...]:
        """What is trained."""
        return self.encode, self.units.recurrent, self.read
