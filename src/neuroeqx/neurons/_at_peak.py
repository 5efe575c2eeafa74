"""Spikes at the top of an action potential."""

from jaxtyping import Array, Bool, Float

from .._fields import param
from .._interfaces import AbstractNeuron, AbstractSpiking
from .._types import Current, Key, Parameter, Time, Y
from .._voltage import voltage


class AtPeak(AbstractSpiking):
    """A neuron that makes its action potentials itself, and fires at their top: in the first step that ends above `v_min` and
    below the voltage of its beginning. This is when the Hodgkin-Huxley models of NEST fire.

    Its equations and its state are those of the neuron that it wraps. It would fire in each step of the way down, so a
    refractory period goes outside, `Refractory(AtPeak(HodgkinHuxley()), 2.0)`, which holds no voltage here.

    **Arguments:**

    - `cell`: a neuron that is not reset, such as `HodgkinHuxley`.
    - `v_min`: the least voltage of a top, mV.
    """

    cell: AbstractNeuron
    v_min: Parameter = param(0.0)

    def __check_init__(self) -> None:
        if not (isinstance(self.cell, AbstractNeuron) and self.cell.fires_on_crossing):
            raise TypeError(
                f"AtPeak: `cell` must be a neuron that makes its own action potentials, such as HodgkinHuxley(), got "
                f"{type(self.cell).__name__}."
            )

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Y:
        return self.cell.init(shape, key=key)

    def integrate(self, y: Y, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None) -> Y:
        return self.cell.integrate(y, current, dt=dt, t=t, key=key)

    def hold(self, before: Y, after: Y, held: Bool[Array, "..."]) -> Y:
        del before, held
        return after

    def fire(
        self, before: Y, after: Y, allowed: Float[Array, "..."] | None = None, *, dt: float, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        del dt, key
        spike = self.cell.surrogate(voltage(after) - self.v_min)
        spike = spike * (voltage(before) > voltage(after)).astype(spike.dtype)
        if allowed is not None:
            spike = spike * allowed
        return self.cell.reset(after, spike), spike
