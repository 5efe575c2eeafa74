"""Spikes at given times."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .._interfaces import AbstractDynamics
from .._types import Key, Time


class SpikeTimesState(eqx.Module):
    """The number of steps taken, and the number of spikes emitted."""

    step: Int[Array, ""]
    emitted: Int[Array, ""]


class SpikeTimes(AbstractDynamics):
    """Sources that spike at given times. A node of a network, as `Poisson`.

    A spike belongs to the step that contains its time, counted from the step in which the state was made; it acts after
    the projection's delay. Two spikes of one source in one step count twice.

    **Arguments:**

    - `times`: ms, not negative, in any order, `[spikes]`.
    - `indices`: the source of each spike, `[spikes]`.
    - `shape`: the number of sources.
    """

    # Microseconds as integers: a float32 time in ms would shift spikes late in a long run by whole steps.
    microseconds: Int[Array, " spikes"]
    indices: Int[Array, " spikes"]
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, times: Any, indices: Any, shape: int):
        times, indices = np.asarray(times, np.float64), np.asarray(indices)
        if times.ndim != 1 or times.shape != indices.shape:
            raise ValueError(
                f"SpikeTimes: `times` and `indices` must be of one length, got shapes {times.shape} and {indices.shape}."
            )
        if not np.issubdtype(indices.dtype, np.integer) and indices.size:
            raise TypeError(f"SpikeTimes: `indices` must be integers, got {indices.dtype}.")
        if times.size and not (np.all(np.isfinite(times)) and times.min() >= 0.0):
            raise ValueError("SpikeTimes: `times` must be finite and not negative.")
        if times.size and times.max() > 2.0e6:
            raise ValueError(f"SpikeTimes: `times` must be below 2,000,000 ms, got {times.max():g}.")
        if indices.size and not (indices.min() >= 0 and indices.max() < shape):
            raise ValueError(
                f"SpikeTimes: `indices` must lie in 0 ... {shape - 1}, got {indices.min()} ... {indices.max()}."
            )
        order = np.argsort(times, kind="stable")
        self.microseconds = jnp.asarray(np.round(times[order] * 1000.0), jnp.int32)
        self.indices = jnp.asarray(indices[order], jnp.int32)
        self.shape = (int(shape),)

    def init(self, *, dt: float, key: Key | None = None) -> SpikeTimesState:
        del key
        if round(dt * 1000.0) < 1 or abs(dt * 1000.0 - round(dt * 1000.0)) > 1e-6:
            raise ValueError(f"SpikeTimes: dt must be a whole number of microseconds, got {dt} ms.")
        zero = jnp.zeros((), jnp.int32)
        return SpikeTimesState(zero, zero)

    def step(
        self, state: SpikeTimesState, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[SpikeTimesState, Float[Array, " sources"]]:
        del input, t, key
        total = self.microseconds.shape[0]
        silent = jnp.zeros(self.shape)
        if total == 0:
            return SpikeTimesState(state.step + 1, state.emitted), silent
        steps = self.microseconds // round(dt * 1000.0)

        def due(carry: tuple[Array, Array]) -> Array:
            i = carry[0]
            return (i < total) & (steps[jnp.minimum(i, total - 1)] <= state.step)

        def emit(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            i, spikes = carry
            return i + 1, spikes.at[self.indices[i]].add(1.0)

        emitted, spikes = lax.while_loop(due, emit, (state.emitted, silent))
        return SpikeTimesState(state.step + 1, emitted), spikes
