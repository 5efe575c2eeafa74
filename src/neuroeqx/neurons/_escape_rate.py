"""Spikes by chance."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractNeuron, AbstractSpiking
from .._replace_gradient import replace_gradient
from .._types import Current, Key, Parameter, Time, Y


class EscapeRate(AbstractSpiking):
    r"""A neuron that fires by chance, the more likely the nearer it is to its threshold (Gerstner 2000; Jolivet et al. 2006):

    with the hazard $\rho\, e^{(v - \theta) / \delta}$, so in a step of dt with the probability
    $1 - e^{-dt\, \rho\, \exp((v - \theta) / \delta)}$, v being the voltage at the end of the step.

    Its equations, threshold and reset are those of the neuron that it wraps, and so is its state. The derivative of a spike
    is that of its probability; the neuron's own surrogate is not used. The exponent is bounded by 20. Spikes need a `key`, in
    `step` or `simulate`. With a refractory period: `Refractory(EscapeRate(LIF(...), 2.0), 2.0)`.

    **Arguments:**

    - `cell`: a neuron that is reset, or whose spikes raise its threshold.
    - `delta`: $\delta$, how far from its threshold it may fire, mV (or dimensionless, as the cell's voltage).
    - `rate`: $\rho$, the hazard at threshold, 1/ms.
    """

    cell: AbstractNeuron
    delta: Parameter = param()
    rate: Parameter = param(1.0)

    def __check_init__(self) -> None:
        if not isinstance(self.cell, AbstractNeuron):
            raise TypeError(
                f"EscapeRate: `cell` must be a neuron (AbstractNeuron), got {type(self.cell).__name__}. "
                "Wrappers go outside of this one."
            )
        if self.cell.fires_on_crossing:
            raise TypeError(
                f"EscapeRate: a {type(self.cell).__name__} is not reset, so it would fire by chance in each step that it "
                "spends above threshold. Use a cell that is reset."
            )
        check_positive(self, "delta", "rate")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Y:
        return self.cell.init(shape, key=key)

    def integrate(self, y: Y, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None) -> Y:
        return self.cell.integrate(y, current, dt=dt, t=t, key=key)

    def hold(self, before: Y, after: Y, held: Bool[Array, "..."]) -> Y:
        return self.cell.hold(before, after, held)

    def hazard(self, y: Y) -> Float[Array, "..."]:
        """Of a spike in this state, 1/ms."""
        return self.rate * jnp.exp(jnp.minimum(self.cell.threshold(y) / self.delta, 20.0))

    def fire(
        self, before: Y, after: Y, allowed: Float[Array, "..."] | None = None, *, dt: float, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        del before
        if key is None:
            raise ValueError("EscapeRate needs randomness: pass `key` to `step` or `simulate`.")
        probability = 1.0 - jnp.exp(-dt * self.hazard(after))
        uniform = jax.random.uniform(key, probability.shape, probability.dtype)
        spike = replace_gradient((uniform < probability).astype(probability.dtype), probability)
        if allowed is not None:
            spike = spike * allowed
        return self.cell.reset(after, spike), spike
