"""Izhikevich's neuron."""

from typing import Any

import equinox as eqx

from .._fields import as_parameter, as_shape
from ..network import Population, Receptor
from ..neurons import Izhikevich
from ..steppers import Euler, VoltageFirst
from ..synapses import CUBA, Delta, Instant
from ._parameters import check_others, check_values


Shape = int | tuple[int, ...]


def izhikevich(
    shape: Shape,
    *,
    I_e: Any = 0.0,
    U_m: Any = -13.0,
    V_m: Any = -65.0,
    V_th: Any = 30.0,
    a: Any = 0.02,
    b: Any = 0.2,
    c: Any = -65.0,
    d: Any = 8.0,
    consistent_integration: bool = True,
    **others: Any,
) -> Population:
    r"""NEST's `izhikevich` (Izhikevich 2003): $dV/dt = 0.04 V^2 + 5 V + 140 - U + I_e + I$, $dU/dt = a (b V - U)$; where a step
    ends with $V \ge V_{th}$ it fires, V becomes c, and U grows by d.

    With `consistent_integration` both variables move by forward Euler, and V jumps by w where a spike of weight w arrives.
    Without, they move as in the published programme (see `VoltageFirst`), and w is a current for the one step that ends with
    the arrival.

    **Arguments:** (none has a unit in NEST; voltages are mV, times ms)

    - `shape`: the number of cells, or a tuple.
    - `I_e`: constant current.
    - `U_m`, `V_m`: initial recovery and voltage, a number or an array; `V_m` may be a function `(key, shape)`. They follow no
        other parameter.
    - `V_th`: voltage at which a spike is over.
    - `a`, `b`, `c`, `d`: as in `Izhikevich`.
    - `consistent_integration`: see above.

    `V_min` must be minus infinity (or the lowest float64).

    **Returns:** a `Population` of `Izhikevich` with the receptors `"ex"` and `"in"`, which do the same.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    p = {name: value for name, value in locals().items() if name not in ("shape", "others")}
    if others.get("V_min") == -1.7976931348623157e308:
        others["V_min"] = -float("inf")
    check_others("izhikevich", p, others, {"V_min": -float("inf")})
    if not isinstance(consistent_integration, bool):
        raise TypeError(f"nest.izhikevich: `consistent_integration` must be a bool, got {consistent_integration!r}.")
    check_values("izhikevich", p, (), (("c", "V_th"),))
    stepper = Euler() if consistent_integration else VoltageFirst()
    cell = Izhikevich(a=a, b=b, c=c, d=d, v_peak=V_th, stepper=stepper)
    y0 = eqx.tree_at(lambda s: s.u, cell.init(as_shape("nest.izhikevich", shape)), as_parameter(U_m))
    receptor = Receptor(Instant(), Delta() if consistent_integration else CUBA())
    return Population(cell, shape, {"ex": receptor, "in": receptor}, v0=V_m, y0=y0, i0=I_e)
