"""A patch of membrane: channels and the ions that flow through them."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._current import Affine
from .._types import Time
from ._channel import AbstractChannel
from ._ions import AbstractIon, IonValues


class MembraneState(eqx.Module):
    """The gates of each channel, and the concentration inside of each ion (mM; `None` if it is fixed), by name."""

    gates: dict[str, dict[str, Float[Array, "..."]]]
    ions: dict[str, Float[Array, "..."] | None]


class Membrane(eqx.Module):
    """A patch of membrane without a capacitance (Hodgkin & Huxley 1952): what cells and compartments are made of. It has no
    size: its methods are elementwise over the voltage, and parameters are numbers or arrays that broadcast against it.

    Currents are inward, uA/cm2: positive ones depolarise.

    **Arguments:**

    - `channels`: by name.
    - `ions`: by the names that channels use.

    **Errors:** `ValueError` if a channel names an ion that is not given, or one of which what the channel needs is not known.
    """

    channels: dict[str, AbstractChannel]
    ions: dict[str, AbstractIon]

    def __init__(self, channels: Mapping[str, Any], ions: Mapping[str, Any] | None = None):
        self.channels = dict(sorted(channels.items()))
        self.ions = dict(sorted((ions or {}).items()))

    def __check_init__(self) -> None:
        for name, ion in self.ions.items():
            if not isinstance(ion, AbstractIon):
                raise TypeError(f"Membrane: ion {name!r} must be an ion such as FixedIon(50.0), got {ion!r}.")
        for name, channel in self.channels.items():
            if not isinstance(channel, AbstractChannel):
                raise TypeError(f"Membrane: channel {name!r} must be a Channel, got {type(channel).__name__}.")
            for ion, parts in channel.needs.items():
                if ion not in self.ions:
                    raise ValueError(
                        f"Membrane: channel {name!r} names the ion {ion!r}; `ions` has {list(self.ions)}. "
                        f"Give `ions={{{ion!r}: ...}}`."
                    )
                values = self.ions[ion].values(self.ions[ion].init(()))
                missing = [part for part in parts if getattr(values, part) is None]
                if missing:
                    raise ValueError(
                        f"Membrane: channel {name!r} needs the concentration {missing[0]!r} of the ion {ion!r}, which "
                        f"{type(self.ions[ion]).__name__} does not have: take a NernstIon or a CalciumPool."
                    )

    def init(self, v: Float[Array, "..."]) -> MembraneState:
        """Concentrations at rest, and gates in their steady state at these and at the voltage `v`."""
        ions = {name: ion.init(v.shape) for name, ion in self.ions.items()}
        values = self.values(ions)
        return MembraneState({name: x.init(v, values) for name, x in self.channels.items()}, ions)

    def values(self, ions: Mapping[str, Any]) -> dict[str, IonValues]:
        """What channels see of the ions, given the states of these."""
        return {name: ion.values(ions[name]) for name, ion in self.ions.items()}

    def current(self, state: MembraneState, v: Float[Array, "..."]) -> Float[Array, "..."]:
        """The current through all channels."""
        return _total(self._currents(state, v, self.values(state.ions)), v)

    def affine(self, state: MembraneState, v: Float[Array, "..."]) -> Affine:
        """The current of all channels as `a - b v` with the conductance `b` (mS/cm2), for implicit and exponential steps of
        the voltage; of currents that are not affine in it, the tangent at `v`."""
        values, total = self.values(state.ions), Affine(jnp.zeros_like(v), jnp.zeros_like(v))
        for name, channel in self.channels.items():
            total = total + channel.affine(state.gates[name], v, values)
        return total

    def derivative(self, state: MembraneState, v: Float[Array, "..."]) -> tuple[Float[Array, "..."], MembraneState]:
        """The current, and the rates of change of gates (1/ms) and concentrations (mM/ms)."""
        values = self.values(state.ions)
        currents = self._currents(state, v, values)
        gates = {name: x.derivative(state.gates[name], v, values) for name, x in self.channels.items()}
        flows = self._flows(currents, v)
        ions = {name: ion.derivative(state.ions[name], flows[name]) for name, ion in self.ions.items()}
        return _total(currents, v), MembraneState(gates, ions)

    def advance(self, state: MembraneState, v: Float[Array, "..."], dt: Time) -> MembraneState:
        """Gates and concentrations `dt` (ms) later, at a constant voltage: gates exactly, at the concentrations of the
        beginning, then concentrations under the currents of the new gates."""
        values = self.values(state.ions)
        gates = {name: x.advance(state.gates[name], v, values, dt) for name, x in self.channels.items()}
        flows = self._flows(self._currents(MembraneState(gates, state.ions), v, values), v)
        ions = {name: ion.advance(state.ions[name], flows[name], dt) for name, ion in self.ions.items()}
        return MembraneState(gates, ions)

    def _currents(
        self, state: MembraneState, v: Float[Array, "..."], values: dict[str, IonValues]
    ) -> dict[str, Float[Array, "..."]]:
        return {name: x.current(state.gates[name], v, values) for name, x in self.channels.items()}

    def _flows(self, currents: dict[str, Float[Array, "..."]], v: Float[Array, "..."]) -> dict[str, Any]:
        """The current of each ion."""
        found: dict[str, list[Any]] = {name: [] for name in self.ions}
        for name, channel in self.channels.items():
            for ion, part in channel.by_ion(currents[name]).items():
                found[ion].append(part)
        return {ion: _total(dict(enumerate(parts)), v) for ion, parts in found.items()}


def _total(currents: Mapping[Any, Float[Array, "..."]], v: Float[Array, "..."]) -> Float[Array, "..."]:
    first, *others = currents.values() or [jnp.zeros_like(v)]
    for current in others:
        first = first + current
    return first
