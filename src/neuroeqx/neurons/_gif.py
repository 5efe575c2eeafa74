"""The generalised integrate-and-fire neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractReset, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike
from ._reset import HardReset
from ._spike_current import check_currents, SpikeCurrent


class GIFState(eqx.Module):
    """Voltage (mV), threshold (mV), and the currents that spikes set off (pA), each of the population's shape."""

    v: Float[Array, "..."]
    threshold: Float[Array, "..."]
    currents: tuple[Float[Array, "..."], ...]


class GIF(AbstractNeuron):
    r"""The generalised integrate-and-fire neuron of Mihalas & Niebur (2009), linear but for its spikes:

    $C\, dv/dt = g\, (E_L - v) + \sum_j I_j + I(v)$,
    $d\Theta/dt = a (v - E_L) - b (\Theta - \Theta_\infty)$, $dI_j/dt = -k_j I_j$.

    Where v reaches $\Theta$: v is set to `v_reset`, $\Theta$ to `th_reset` if it lies below that, and each $I_j$ to
    $r_j I_j + a_j$. The parameters are those of the paper at a capacitance of 100 pF; with other values of `a` and of the
    currents the same equations burst, adapt, rebound and fire on depolarising steps only. `Exact()` solves them exactly
    between spikes.

    **Arguments:**

    - `c`: capacitance, pF.
    - `g`: leak conductance, nS.
    - `e_l`: reversal potential of the leak, mV.
    - `a`: how fast the threshold follows the voltage, 1/ms.
    - `b`: how fast the threshold returns, 1/ms.
    - `th_inf`: $\Theta_\infty$, the threshold at rest, mV.
    - `th_reset`: the least threshold after a spike, mV; above `v_reset`.
    - `v_reset`: reset potential, mV.
    - `currents`: any number of `SpikeCurrent`.
    - `resetting`: `HardReset()` (to `v_reset`) or `SoftReset()` (by $\Theta$ - `v_reset`).
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    c: Parameter = param(100.0)
    g: Parameter = param(5.0)
    e_l: Parameter = param(-70.0)
    a: Parameter = param(0.0)
    b: Parameter = param(0.01)
    th_inf: Parameter = param(-50.0)
    th_reset: Parameter = param(-60.0)
    v_reset: Parameter = param(-70.0)
    currents: tuple[SpikeCurrent, ...] = eqx.field(
        default_factory=lambda: (SpikeCurrent(0.2, 0.0, 0.0), SpikeCurrent(0.02, 1.0, 0.0)), converter=tuple
    )
    resetting: AbstractReset = HardReset()
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    def __check_init__(self) -> None:
        check_positive(self, "c", "g", "b")
        check_below(self, "v_reset", "th_reset")
        check_currents("GIF", self.currents)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> GIFState:
        """At rest, without currents."""
        del key
        zeros = jnp.zeros(shape, self.e_l.dtype)
        return GIFState(
            jnp.broadcast_to(self.e_l, shape), jnp.broadcast_to(self.th_inf, shape), tuple(zeros for _ in self.currents)
        )

    def vector_field(self, t: Time, y: GIFState, current: Current) -> GIFState:
        del t
        v = y.v
        total = self.g * (self.e_l - v) + current(v)
        for own in y.currents:
            total = total + own
        return GIFState(
            total / self.c,
            self.a * (v - self.e_l) - self.b * (y.threshold - self.th_inf),
            tuple(p.slope(own) for p, own in zip(self.currents, y.currents, strict=True)),
        )

    def threshold(self, y: GIFState) -> Float[Array, "..."]:
        return y.v - y.threshold

    def reset(self, y: GIFState, spike: Float[Array, "..."]) -> GIFState:
        return GIFState(
            self.resetting(y.v, spike, v_th=y.threshold, v_reset=self.v_reset),
            y.threshold + spike * (jnp.maximum(y.threshold, self.th_reset) - y.threshold),
            tuple(p.reset(own, spike) for p, own in zip(self.currents, y.currents, strict=True)),
        )
