"""Ions: reversal potentials, and concentrations inside of a cell that may change."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._fields import as_parameter, check_finite, param
from .._math import phi1
from .._types import Parameter, Time


FARADAY = 96485.33212  # C/mol
GAS = 8.314462618  # J/(mol K)


def optional_param(default: Any = None) -> Any:
    """A parameter that may be `None`."""
    return eqx.field(converter=lambda x: None if x is None else as_parameter(x), default=default)


def thermal_voltage(celsius: Float[Array, "..."]) -> Float[Array, "..."]:
    """$RT / F$, mV, at a temperature in degC."""
    return (1000.0 * GAS / FARADAY) * (celsius + 273.15)


def nernst(
    inner: Float[Array, "..."], outer: Float[Array, "..."], valence: int, celsius: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""The reversal potential $\frac{RT}{zF} \ln(c_{out} / c_{in})$, mV.

    **Arguments:**

    - `inner`, `outer`: concentrations inside and outside, mM.
    - `valence`: $z$.
    - `celsius`: the temperature, degC.
    """
    return thermal_voltage(celsius) * (1.0 / valence) * jnp.log(outer / jnp.maximum(inner, 1e-9))


class IonValues(eqx.Module):
    """What channels see of an ion: its reversal potential `e` (mV), and its concentrations `inner` and `outer` (mM), `None`
    where they are not modelled."""

    e: Float[Array, "..."]
    inner: Float[Array, "..."] | None = None
    outer: Float[Array, "..."] | None = None


class AbstractIon(eqx.Module):
    """An ion. Its state is its concentration inside (mM), or `None` if that does not change. Methods are elementwise."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def init(self, shape: tuple[int, ...]) -> Float[Array, "..."] | None:
        """The concentration at the beginning."""

    @abc.abstractmethod
    def values(self, state: Float[Array, "..."] | None) -> IonValues:
        """What channels see."""

    @abc.abstractmethod
    def derivative(self, state: Float[Array, "..."] | None, current: Float[Array, "..."]) -> Float[Array, "..."] | None:
        """The rate of change (mM/ms) under the ion's whole inward `current` (uA/cm2)."""

    @abc.abstractmethod
    def advance(
        self, state: Float[Array, "..."] | None, current: Float[Array, "..."], dt: Time
    ) -> Float[Array, "..."] | None:
        """The concentration `dt` (ms) later, at a constant current."""


class FixedIon(AbstractIon):
    """An ion of a given reversal potential, whatever flows (Hodgkin & Huxley 1952).

    **Arguments:**

    - `e`: reversal potential, mV.
    - `inner`: concentration inside, for channels that sense it, mM.
    """

    e: Parameter = param()
    inner: Parameter | None = optional_param()

    def __check_init__(self) -> None:
        check_not_negative(self, "inner")

    def init(self, shape: tuple[int, ...]) -> None:
        del shape

    def values(self, state: Float[Array, "..."] | None) -> IonValues:
        del state
        return IonValues(self.e, self.inner)

    def derivative(self, state: Float[Array, "..."] | None, current: Float[Array, "..."]) -> None:
        del state, current

    def advance(self, state: Float[Array, "..."] | None, current: Float[Array, "..."], dt: Time) -> None:
        del state, current, dt


class NernstIon(AbstractIon):
    r"""An ion of given concentrations, whose reversal potential is $\frac{RT}{zF} \ln(c_{out} / c_{in})$ (Nernst 1888).

    **Arguments:**

    - `inner`, `outer`: concentrations, positive, mM.
    - `valence`: $z$, a whole number, not 0.
    - `celsius`: temperature, degC.
    """

    inner: Parameter = param()
    outer: Parameter = param()
    valence: int = eqx.field(default=1, static=True)
    celsius: Parameter = param(36.0)

    def __check_init__(self) -> None:
        check_positive(self, "inner", "outer")
        _check_valence(self)

    def init(self, shape: tuple[int, ...]) -> None:
        del shape

    def values(self, state: Float[Array, "..."] | None) -> IonValues:
        del state
        return IonValues(nernst(self.inner, self.outer, self.valence, self.celsius), self.inner, self.outer)

    def derivative(self, state: Float[Array, "..."] | None, current: Float[Array, "..."]) -> None:
        del state, current

    def advance(self, state: Float[Array, "..."] | None, current: Float[Array, "..."], dt: Time) -> None:
        del state, current, dt


class CalciumPool(AbstractIon):
    r"""Calcium in a shell below the membrane (Destexhe et al. 1993), with a pump of Michaelis and Menten:

    $dc/dt = \max\left(\gamma \frac{I}{2 F d}, 0\right) + \frac{c_0 - c}{\tau} - p \frac{c}{c + K}$,

    with the inward current $I$ of all channels that calcium flows through. As in the model of that paper, whose code sets the
    influx to 0 below, currents out of the cell take no calcium away; in an `IonPool` they do.

    **Arguments:**

    - `depth`: $d$, of the shell, positive, um.
    - `tau`: $\tau$, of removal, positive, ms.
    - `rest`: $c_0$, positive, mM.
    - `gamma`: $\gamma$, the part that stays free, not negative, dimensionless.
    - `pump`: $p$, its greatest rate, not negative, mM/ms.
    - `half`: $K$, the concentration of half of that rate, positive, mM.
    - `outer`: concentration outside, positive, mM.
    - `celsius`: temperature, for the reversal potential, degC.
    - `e`: a reversal potential that does not change, mV; by default it follows the concentrations.
    - `start`: concentration at the beginning, mM; `rest` by default.
    """

    depth: Parameter = param(1.0)
    tau: Parameter = param(5.0)
    rest: Parameter = param(2.4e-4)
    gamma: Parameter = param(1.0)
    pump: Parameter = param(0.0)
    half: Parameter = param(1e-4)
    outer: Parameter = param(2.0)
    celsius: Parameter = param(36.0)
    e: Parameter | None = optional_param()
    start: Parameter | None = optional_param()

    def __check_init__(self) -> None:
        check_positive(self, "depth", "tau", "rest", "half", "outer", "start")
        check_not_negative(self, "gamma", "pump")

    def init(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jnp.broadcast_to(self.rest if self.start is None else self.start, shape)

    def values(self, state: Any) -> IonValues:
        return _calcium(self, state)

    def derivative(self, state: Any, current: Float[Array, "..."]) -> Float[Array, "..."]:
        # 1 uA/cm2 over 1 um is 10 / F mM/ms.
        influx = jnp.maximum(current * (self.gamma * (10.0 / (2.0 * FARADAY)) / self.depth), 0.0)
        return influx + (self.rest - state) * (1.0 / self.tau) - self.pump * state / (state + self.half)

    def advance(self, state: Any, current: Float[Array, "..."], dt: Time) -> Float[Array, "..."]:
        """Exact without a pump; with it the equation is linearised around the state."""
        slope = -1.0 / self.tau - self.pump * self.half / (state + self.half) ** 2
        return state + dt * self.derivative(state, current) * phi1(dt * slope)


class IonPool(AbstractIon):
    r"""An ion whose concentrations follow the current that it carries, in and out (Kager et al. 2000):

    $\frac{dc_{in}}{dt} = \gamma \frac{I}{z F d} + \frac{c_0 - c_{in}}{\tau}$, $c_{out} = c_{out,0} - r\, (c_{in} - c_0)$,

    with the inward current $I$ of all channels and pumps that it flows through. With $\gamma$ = 1 and without removal the
    amount of the ion is kept: what has left the cell is outside. The reversal potential is that of Nernst, at every moment.

    **Arguments:**

    - `inner`, `outer`: $c_0$ and $c_{out,0}$, concentrations at rest, positive, mM.
    - `valence`: $z$, a whole number, not 0.
    - `depth`: $d$, volume inside per area of membrane, positive, um: a quarter of the diameter of a cylinder, a sixth of that
        of a sphere, or the depth of a shell.
    - `ratio`: $r$, the volume inside over that outside, 0 if the concentration outside is constant; not negative,
        dimensionless.
    - `tau`: $\tau$, of removal, positive, ms; `None` if there is none but by channels and pumps.
    - `gamma`: $\gamma$, the part that stays free, not negative, dimensionless.
    - `celsius`: temperature, degC.
    - `start`: concentration inside at the beginning, positive, mM; `inner` by default.
    """

    inner: Parameter = param()
    outer: Parameter = param()
    valence: int = eqx.field(default=1, static=True)
    depth: Parameter = param(1.0)
    ratio: Parameter = param(0.0)
    tau: Parameter | None = optional_param()
    gamma: Parameter = param(1.0)
    celsius: Parameter = param(36.0)
    start: Parameter | None = optional_param()

    def __check_init__(self) -> None:
        check_positive(self, "inner", "outer", "depth", "tau", "start")
        check_not_negative(self, "ratio", "gamma")
        _check_valence(self)

    def init(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jnp.broadcast_to(self.inner if self.start is None else self.start, shape)

    def values(self, state: Any) -> IonValues:
        outer = jnp.maximum(self.outer - self.ratio * (state - self.inner), 1e-9)
        return IonValues(nernst(state, outer, self.valence, self.celsius), state, outer)

    def derivative(self, state: Any, current: Float[Array, "..."]) -> Float[Array, "..."]:
        flow = current * (self.gamma * (10.0 / (self.valence * FARADAY)) / self.depth)
        return flow if self.tau is None else flow + (self.inner - state) / self.tau

    def advance(self, state: Any, current: Float[Array, "..."], dt: Time) -> Float[Array, "..."]:
        step = dt * self.derivative(state, current)
        return state + (step if self.tau is None else step * phi1(-dt / self.tau))


class CalciumFirstOrder(AbstractIon):
    r"""Calcium that comes with the inward current $I$ and goes at a constant rate (Bazhenov et al. 1998):
    $dc/dt = \max(a I, 0) - b\, (c - c_0)$. Currents out of the cell take no calcium away.

    **Arguments:**

    - `alpha`: $a$, not negative, mM/ms per uA/cm2.
    - `beta`: $b$, positive, 1/ms.
    - `rest`: $c_0$, not negative, mM.
    - `outer`, `celsius`, `e`, `start`: as in `CalciumPool`.
    """

    alpha: Parameter = param(0.13)
    beta: Parameter = param(0.075)
    rest: Parameter = param(0.0)
    outer: Parameter = param(2.0)
    celsius: Parameter = param(36.0)
    e: Parameter | None = optional_param(120.0)
    start: Parameter | None = optional_param()

    def __check_init__(self) -> None:
        check_positive(self, "beta", "outer")
        check_not_negative(self, "alpha", "rest", "start")

    def init(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jnp.broadcast_to(self.rest if self.start is None else self.start, shape)

    def values(self, state: Any) -> IonValues:
        return _calcium(self, state)

    def derivative(self, state: Any, current: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.maximum(self.alpha * current, 0.0) - self.beta * (state - self.rest)

    def advance(self, state: Any, current: Float[Array, "..."], dt: Time) -> Float[Array, "..."]:
        return state + dt * self.derivative(state, current) * phi1(-dt * self.beta)


def _check_valence(ion: Any) -> None:
    z = ion.valence
    if not isinstance(z, int) or isinstance(z, bool) or z == 0:
        raise ValueError(f"{type(ion).__name__}: `valence` must be a whole number other than 0, got {z!r}.")


def _calcium(pool: Any, inner: Float[Array, "..."]) -> IonValues:
    e = nernst(inner, pool.outer, 2, pool.celsius) if pool.e is None else pool.e
    return IonValues(e, inner, pool.outer)
