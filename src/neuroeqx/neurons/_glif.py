"""The generalised leaky integrate-and-fire neurons of the Allen Institute."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, check_finite, param
from .._interfaces import AbstractNeuron, AbstractReset, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike
from ._reset import HardReset
from ._spike_current import check_currents, SpikeCurrent


class SpikeThreshold(eqx.Module):
    r"""A part of the threshold that spikes raise (Teeter et al. 2018), for `GLIF`: $d\theta_s/dt = -k\, \theta_s$; a spike
    adds a.

    **Arguments:**

    - `k`: rate of decay, 1/ms.
    - `a`: what a spike adds, mV.
    """

    k: Parameter = param()
    a: Parameter = param()

    def __check_init__(self) -> None:
        check_positive(self, "k")
        check_finite(self)


class VoltageThreshold(eqx.Module):
    r"""A part of the threshold that follows the voltage (Teeter et al. 2018), for `GLIF`:
    $d\theta_v/dt = a (v - E_L) - b\, \theta_v$; spikes leave it alone.

    **Arguments:**

    - `a`: how fast it follows the voltage, 1/ms.
    - `b`: how fast it returns, 1/ms.
    """

    a: Parameter = param()
    b: Parameter = param()

    def __check_init__(self) -> None:
        check_positive(self, "b")
        check_finite(self)


class GLIFState(eqx.Module):
    """Voltage (mV), the currents that spikes set off (pA), and the two parts of the threshold that move (mV), `None` where
    the cell has no such part; each of the population's shape."""

    v: Float[Array, "..."]
    currents: tuple[Float[Array, "..."], ...]
    spike_threshold: Float[Array, "..."] | None
    voltage_threshold: Float[Array, "..."] | None


class GLIF(AbstractNeuron):
    r"""The generalised leaky integrate-and-fire neurons of the Allen Institute (Teeter et al. 2018), levels 1 to 5:

    $C\, dv/dt = g\, (E_L - v) + \sum_j I_j + I(v)$, $dI_j/dt = -k_j I_j$,
    $d\theta_s/dt = -k_s \theta_s$, $d\theta_v/dt = a_v (v - E_L) - b_v \theta_v$.

    Where v reaches $\Theta_\infty + \theta_s + \theta_v$ it is reset, $\theta_s$ grows by $a_s$, and each $I_j$ is set to
    $r_j I_j + a_j$. The level is which parts there are:

    ```python
    reset, spikes, follows = PartialReset(0.2, 18.51), SpikeThreshold(0.009, 0.37), VoltageThreshold(0.005, 0.09)
    currents = (SpikeCurrent(0.003, 1.0, -9.18), SpikeCurrent(0.1, 1.0, -198.94))
    GLIF()                                                    # 1, LIF
    GLIF(resetting=reset, spike_threshold=spikes)             # 2, LIF-R
    GLIF(currents=currents)                                   # 3, LIF-ASC
    GLIF(currents, reset, spikes)                             # 4, LIF-R-ASC
    GLIF(currents, reset, spikes, follows)                    # 5, LIF-R-ASC-A
    ```

    These numbers and the default ones are those of NEST's `glif_psc`, of one cell of the Allen Cell Types Database. That
    cell is refractory for 3.75 ms: `Refractory(GLIF(...), 3.75)`, during which $I_j$, $\theta_s$ and $\theta_v$ go on. In the
    paper what a spike adds begins to decay after the refractory period; for that, multiply $a_j$ by $e^{k_j t_{ref}}$ and
    $a_s$ by $e^{k_s t_{ref}}$. `Exact()` solves the equations exactly between spikes.

    **Arguments:**

    - `currents`: any number of `SpikeCurrent`.
    - `resetting`: `HardReset()` (to `v_reset`) or `PartialReset(...)`.
    - `spike_threshold`: a `SpikeThreshold`.
    - `voltage_threshold`: a `VoltageThreshold`.
    - `c`: capacitance, pF.
    - `g`: leak conductance, nS.
    - `e_l`: reversal potential of the leak, mV.
    - `th_inf`: $\Theta_\infty$, the threshold at rest, mV; above `v_reset`.
    - `v_reset`: reset potential, $E_L$ in the paper, mV.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    currents: tuple[SpikeCurrent, ...] = eqx.field(default=(), converter=tuple)
    resetting: AbstractReset = HardReset()
    spike_threshold: SpikeThreshold | None = None
    voltage_threshold: VoltageThreshold | None = None
    c: Parameter = param(58.72)
    g: Parameter = param(9.43)
    e_l: Parameter = param(-78.85)
    th_inf: Parameter = param(-51.68)
    v_reset: Parameter = param(-78.85)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    def __check_init__(self) -> None:
        check_positive(self, "c", "g")
        check_below(self, "v_reset", "th_inf")
        check_currents("GLIF", self.currents)
        for name, part in (("spike_threshold", SpikeThreshold), ("voltage_threshold", VoltageThreshold)):
            given = getattr(self, name)
            if given is not None and not isinstance(given, part):
                raise TypeError(f"GLIF: `{name}` must be a {part.__name__} or None, got {given!r}.")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> GLIFState:
        """At rest, as after a long silence."""
        del key
        zeros = jnp.zeros(shape, self.e_l.dtype)
        return GLIFState(
            jnp.broadcast_to(self.e_l, shape),
            tuple(zeros for _ in self.currents),
            None if self.spike_threshold is None else zeros,
            None if self.voltage_threshold is None else zeros,
        )

    def vector_field(self, t: Time, y: GLIFState, current: Current) -> GLIFState:
        del t
        total = self.g * (self.e_l - y.v) + current(y.v)
        for own in y.currents:
            total = total + own
        spike, voltage = self.spike_threshold, self.voltage_threshold
        return GLIFState(
            total / self.c,
            tuple(p.slope(own) for p, own in zip(self.currents, y.currents, strict=True)),
            None if spike is None else -spike.k * y.spike_threshold,
            None if voltage is None else voltage.a * (y.v - self.e_l) - voltage.b * y.voltage_threshold,
        )

    def threshold(self, y: GLIFState) -> Float[Array, "..."]:
        return y.v - self._threshold(y)

    def reset(self, y: GLIFState, spike: Float[Array, "..."]) -> GLIFState:
        part = self.spike_threshold
        return GLIFState(
            self.resetting(y.v, spike, v_th=self._threshold(y), v_reset=self.v_reset),
            tuple(p.reset(own, spike) for p, own in zip(self.currents, y.currents, strict=True)),
            None if part is None else y.spike_threshold + spike * part.a,
            y.voltage_threshold,
        )

    def _threshold(self, y: GLIFState) -> Float[Array, "..."]:
        total = self.th_inf
        for part in (y.spike_threshold, y.voltage_threshold):
            total = total if part is None else total + part
        return total
