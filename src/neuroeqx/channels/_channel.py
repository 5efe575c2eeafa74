"""Ion channels: gates, a conductance, and what drives the current."""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._current import Affine
from .._fields import as_parameter, check_finite, param
from .._math import exprel_inverse, phi1
from .._types import Parameter, Time
from ._gates import AbstractGate
from ._ions import FARADAY, IonValues, thermal_voltage


Gates = dict[str, Any]
Ions = Mapping[str, IonValues]


class AbstractChannel(eqx.Module):
    """A current through the membrane that depends on gates, the voltage and ions. It has no size: methods are elementwise over
    cells or compartments. Currents are inward, uA/cm2: positive ones depolarise.

    In all methods `gates` are the variables of this channel, `v` is the voltage (mV) and `ions` are what is known of the
    ions by name.
    """

    def __check_init__(self) -> None:
        check_finite(self)

    @property
    @abc.abstractmethod
    def needs(self) -> dict[str, tuple[str, ...]]:
        """By the names of ions, what must be known of them: `"e"`, `"inner"`, `"outer"`."""

    @abc.abstractmethod
    def init(self, v: Float[Array, "..."], ions: Ions) -> Gates:
        """The gates in their steady state, of the shape of `v`."""

    @abc.abstractmethod
    def derivative(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Gates:
        """The rates of change of the gates, 1/ms."""

    @abc.abstractmethod
    def advance(self, gates: Gates, v: Float[Array, "..."], ions: Ions, dt: Time) -> Gates:
        """The gates `dt` (ms) later, at a constant voltage and constant concentrations."""

    @abc.abstractmethod
    def conductance(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        """The conductance of the open part, mS/cm2."""

    @abc.abstractmethod
    def current(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        """The current."""

    @abc.abstractmethod
    def affine(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Affine:
        """The current as `a - b v` with a conductance `b`; of one that is not affine in the voltage, the tangent at `v`."""

    @abc.abstractmethod
    def by_ion(self, current: Float[Array, "..."]) -> dict[str, Float[Array, "..."]]:
        """What part of the current flows as which ion; empty if that is not followed."""


class AbstractDriving(eqx.Module):
    """What, times a conductance or permeability, is the current through open channels."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def __call__(self, v: Float[Array, "..."], ion: IonValues) -> Float[Array, "..."]:
        """The inward current per unit."""


class GHK(AbstractDriving):
    r"""The current of Goldman, Hodgkin and Katz (Hodgkin & Katz 1949) per unit of permeability in cm/s:
    $z F \left(c_{out} \frac{x}{e^x - 1} - c_{in} \frac{-x}{e^{-x} - 1}\right)$ with $x = z F v / R T$.

    **Arguments:**

    - `valence`: $z$, a whole number, not 0.
    - `celsius`: temperature, degC.
    """

    valence: int = eqx.field(default=2, static=True)
    celsius: Parameter = param(36.0)

    def __check_init__(self) -> None:
        if not isinstance(self.valence, int) or isinstance(self.valence, bool) or self.valence == 0:
            raise ValueError(f"GHK: `valence` must be a whole number other than 0, got {self.valence!r}.")

    def __call__(self, v: Float[Array, "..."], ion: IonValues) -> Float[Array, "..."]:
        x = v * (self.valence / thermal_voltage(self.celsius))
        # 1 cm/s times 1 mM times 1 C/mol is 1 uA/cm2.
        flow = ion.outer * exprel_inverse(x) - ion.inner * exprel_inverse(-x)  # pyright: ignore[reportOptionalOperand]
        return (self.valence * FARADAY) * flow


class Channel(AbstractChannel):
    r"""Channels of one kind (Hodgkin & Huxley 1952), with the inward current $g \prod_i x_i^{n_i}\, (E - v)$ of gates
    $x_i$ with powers $n_i$. The state is a dictionary of its gates, without those that have no inertia.

    **Arguments:**

    - `gates`: by name, each a `RateGate`, `RelaxationGate` or `InstantGate`. Empty for a leak.
    - `g`: conductance with all gates open, mS/cm2; with `driving=GHK()` the permeability, cm/s.
    - `e`: reversal potential, mV; or the name of an ion, `"ca"`, whose own is taken and that the current is part of.
    - `ion`: the ion that flows, where `e` is a number.
    - `senses`: the ion whose concentration inside the rates depend on; they are then functions of the voltage and of this.
    - `celsius`: temperature, where a gate has a `q10`, degC.
    - `driving`: what replaces $E - v$, such as `GHK()`.
    """

    gates: dict[str, AbstractGate]
    g: Float[Array, "..."]
    e: Float[Array, "..."] | None
    celsius: Float[Array, "..."] | None
    driving: AbstractDriving | None
    ion: str | None = eqx.field(static=True)
    senses: str | None = eqx.field(static=True)

    def __init__(
        self,
        gates: Mapping[str, Any],
        g: Any,
        e: Any,
        *,
        ion: str | None = None,
        senses: str | None = None,
        celsius: Any = None,
        driving: AbstractDriving | None = None,
    ):
        named = isinstance(e, str)
        if named and ion not in (None, e):
            raise ValueError(f"Channel: `e` = {e!r} says which ion flows, and `ion` = {ion!r} says otherwise.")
        self.gates = dict(sorted(gates.items()))
        self.g = as_parameter(g)
        self.e = None if named else as_parameter(e)
        self.ion = e if named else ion
        self.senses = senses
        self.celsius = None if celsius is None else as_parameter(celsius)
        self.driving = driving

    def __check_init__(self) -> None:
        for name, gate in self.gates.items():
            if not isinstance(gate, AbstractGate):
                raise TypeError(
                    f"Channel: gate {name!r} must be a RateGate, RelaxationGate or InstantGate, got {type(gate).__name__}."
                )
            if gate.q10 is not None and self.celsius is None:
                raise ValueError(f"Channel: gate {name!r} has a `q10`, so the channel needs a temperature: `celsius`.")
        if self.driving is not None and (self.ion is None or not isinstance(self.driving, AbstractDriving)):
            raise ValueError(
                "Channel: `driving` must be one such as GHK(), and `e` the name of the ion that it drives."
            )

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        if self.ion is not None:
            found[self.ion] = ("inner", "outer") if self.driving is not None else ("e",) if self.e is None else ()
        if self.senses is not None:
            found[self.senses] = (*found.get(self.senses, ()), "inner")
        return found

    def init(self, v: Float[Array, "..."], ions: Ions) -> Gates:
        where = self._where(v, ions)
        return {
            name: jnp.broadcast_to(gate.steady(*where), v.shape)
            for name, gate in self.gates.items()
            if gate.relaxation(*where) is not None
        }

    def derivative(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Gates:
        moves = self._relaxations(v, ions)
        return {name: a - b * gates[name] for name, (a, b) in moves.items()}

    def advance(self, gates: Gates, v: Float[Array, "..."], ions: Ions, dt: Time) -> Gates:
        moves = self._relaxations(v, ions)
        return {name: gates[name] + dt * (a - b * gates[name]) * phi1(-dt * b) for name, (a, b) in moves.items()}

    def conductance(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        total = self.g
        for name, gate in self.gates.items():
            x = gates[name] if name in gates else gate.steady(*self._where(v, ions))
            for _ in range(gate.power):
                total = total * x
        return total

    def current(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        return self.conductance(gates, v, ions) * self._drive(v, ions)

    def affine(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Affine:
        if self.driving is None:
            g = self.conductance(gates, v, ions)
            return Affine(g * self._reversal(ions), g)
        current, slope = jax.jvp(lambda v: self.current(gates, v, ions), (v,), (jnp.ones_like(v),))
        return Affine(current - slope * v, -slope)

    def by_ion(self, current: Float[Array, "..."]) -> dict[str, Float[Array, "..."]]:
        return {} if self.ion is None else {self.ion: current}

    def _where(self, v: Float[Array, "..."], ions: Ions) -> tuple[Any, ...]:
        return (v,) if self.senses is None else (v, ions[self.senses].inner)

    def _reversal(self, ions: Ions) -> Float[Array, "..."]:
        return ions[self.ion].e if self.e is None else self.e  # pyright: ignore[reportArgumentType]

    def _drive(self, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        if self.driving is not None:
            return self.driving(v, ions[self.ion])  # pyright: ignore[reportArgumentType]
        return self._reversal(ions) - v

    def _relaxations(self, v: Float[Array, "..."], ions: Ions) -> dict[str, tuple[Any, Any]]:
        """(a, b) of $dx/dt = a - b x$ for each gate that moves, at the channel's temperature."""
        where, found = self._where(v, ions), {}
        for name, gate in self.gates.items():
            move = gate.relaxation(*where)
            if move is not None:
                factor = None if gate.q10 is None else gate.q10(self.celsius)  # pyright: ignore[reportArgumentType]
                found[name] = move if factor is None else (factor * move[0], factor * move[1])
        return found
