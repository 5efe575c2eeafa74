"""A neuron without extent, made of channels."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import as_parameter
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Time
from ..steppers import Staggered
from ..surrogate import SuperSpike
from ._channel import AbstractChannel
from ._ions import AbstractIon
from ._membrane import Membrane, MembraneState


class PointCellState(eqx.Module):
    """Voltage (mV), the gates of each channel by its name, and the concentration inside of each ion (mM; `None` if fixed), each
    of the population's shape."""

    v: Float[Array, "..."]
    gates: dict[str, dict[str, Float[Array, "..."]]]
    ions: dict[str, Float[Array, "..."] | None]


class PointCell(AbstractNeuron):
    r"""A neuron of one compartment with any channels (Hodgkin & Huxley 1952):

    $C\, dv/dt = \sum_k I_k(v) + I(v)$, with the inward currents $I_k$ of its channels, whose gates and ions have their own
    equations.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. It starts at `v_start`, with its gates in their
    steady state there and its concentrations at rest.

    ```python
    cell = nex.channels.PointCell(
        {"na": nex.channels.na_hh1952(e="na"), "k": nex.channels.k_hh1952(), "leak": nex.channels.leak(0.3, -54.387)},
        ions={"na": nex.channels.NernstIon(inner=12.0, outer=145.0)},
    )
    ```

    **Arguments:**

    - `channels`: by name.
    - `ions`: by the names that channels use.
    - `c`: capacitance, positive, uF/cm2.
    - `area`: that of the membrane, positive, um^2: inputs are then in pA, and conductances of receptors in nS. By default
        inputs are in uA/cm2.
    - `v_start`: voltage of the start, mV.
    - `v_th`: voltage whose upward crossing counts as a spike, mV.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    membrane: Membrane
    c: Float[Array, "..."]
    area: Float[Array, "..."] | None
    v_start: Float[Array, "..."]
    v_th: Float[Array, "..."]
    stepper: AbstractStepper
    surrogate: AbstractSurrogate

    fires_on_crossing = True

    def __init__(
        self,
        channels: Mapping[str, Any],
        ions: Mapping[str, Any] | None = None,
        *,
        c: Any = 1.0,
        area: Any = None,
        v_start: Any = -65.0,
        v_th: Any = 0.0,
        stepper: AbstractStepper | None = None,
        surrogate: AbstractSurrogate | None = None,
    ):
        self.membrane = Membrane(channels, ions)
        self.c = as_parameter(c)
        self.area = None if area is None else as_parameter(area)
        self.v_start = as_parameter(v_start)
        self.v_th = as_parameter(v_th)
        self.stepper = Staggered() if stepper is None else stepper
        self.surrogate = SuperSpike(as_parameter(1.0)) if surrogate is None else surrogate

    def __check_init__(self) -> None:
        check_positive(self, "c", "area")

    @property
    def channels(self) -> dict[str, AbstractChannel]:
        return self.membrane.channels

    @property
    def ions(self) -> dict[str, AbstractIon]:
        return self.membrane.ions

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> PointCellState:
        """At `v_start`, with the gates in their steady state."""
        del key
        v = jnp.broadcast_to(self.v_start, shape)
        state = self.membrane.init(v)
        return PointCellState(v, state.gates, state.ions)

    def vector_field(self, t: Time, y: PointCellState, current: Current) -> PointCellState:
        del t
        total, rates = self.membrane.derivative(MembraneState(y.gates, y.ions), y.v)
        # 1 pA over 1 um2 is 100 uA/cm2.
        given = current(y.v) if self.area is None else current(y.v) * (100.0 / self.area)
        return PointCellState((total + given) * (1.0 / self.c), rates.gates, rates.ions)

    def threshold(self, y: PointCellState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: PointCellState, spike: Float[Array, "..."]) -> PointCellState:
        del spike
        return y
