"""Currents as functions of time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._checks import check_below, check_not_negative
from .._fields import as_parameter, as_shape, param, static
from .._interfaces import AbstractDrive
from .._types import is_tracer, Key, Parameter


class StepCurrent(AbstractDrive):
    """`amplitude` from `start` until before `stop`, else zero.

    **Arguments:**

    - `amplitude`: in the unit of the cell's current; a number, or an array that broadcasts against the population.
    - `start`, `stop`: ms; steps that begin in `[start, stop)` are driven. Without `stop` it goes on for ever.
        `start < stop`.
    """

    amplitude: Parameter = param()
    start: Parameter = param(0.0)
    stop: Float[Array, "..."] | None = None

    def __init__(self, amplitude: Any, start: Any = 0.0, stop: Any = None):
        self.amplitude = as_parameter(amplitude)
        self.start = as_parameter(start)
        self.stop = None if stop is None else as_parameter(stop)

    def __check_init__(self) -> None:
        if self.stop is not None:
            check_below(self, "start", "stop", "the former must come first")

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        del key
        # Half a step of tolerance: t = i dt is rounded, and a bound that is a multiple of dt must not depend on it.
        on = t > self.start - dt / 2
        if self.stop is not None:
            on = on & (t < self.stop - dt / 2)
        return jnp.where(on, self.amplitude, jnp.zeros_like(self.amplitude))


class PiecewiseCurrent(AbstractDrive):
    """Constant between given times: `amplitudes[i]` from `times[i]` until before `times[i + 1]`, the last for ever, and zero
    before the first.

    **Arguments:**

    - `times`: ms, increasing, `[pieces]`. A time that is no multiple of dt counts as the nearest one.
    - `amplitudes`: in the unit of the cell's current, `[pieces, ...]`, the trailing axes broadcasting against the population.
    """

    times: Parameter = param()
    amplitudes: Parameter = param()

    def __check_init__(self) -> None:
        if self.times.ndim != 1 or self.times.shape != self.amplitudes.shape[:1] or self.times.size == 0:
            raise ValueError(
                "PiecewiseCurrent: `times` and `amplitudes` must be of one length, at least 1, got shapes "
                f"{self.times.shape} and {self.amplitudes.shape}."
            )
        if not is_tracer(self.times) and np.any(np.diff(np.asarray(self.times, np.float64)) <= 0.0):
            raise ValueError(f"PiecewiseCurrent: `times` must increase, got {np.asarray(self.times)}.")

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        del key
        begun = t > self.times - dt / 2  # with the tolerance of `StepCurrent`
        now = jnp.maximum(jnp.sum(begun.astype(jnp.int32)) - 1, 0)
        amplitude = lax.dynamic_index_in_dim(self.amplitudes, now, 0, keepdims=False)
        return jnp.where(begun[0], amplitude, jnp.zeros_like(amplitude))


class RampCurrent(AbstractDrive):
    """Linear from `first` at `start` to `last` at `stop`, constant before and after.

    **Arguments:**

    - `first`, `last`: in the unit of the cell's current.
    - `start`, `stop`: ms, `start < stop`.
    """

    first: Parameter = param()
    last: Parameter = param()
    start: Parameter = param(0.0)
    stop: Parameter = param(1000.0)

    def __check_init__(self) -> None:
        check_below(self, "start", "stop", "the former must come first")

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        del dt, key
        fraction = jnp.clip((t - self.start) / (self.stop - self.start), 0.0, 1.0)
        return self.first + (self.last - self.first) * fraction


class SineCurrent(AbstractDrive):
    r"""$offset + amplitude \sin(2 \pi f t + phase)$.

    **Arguments:**

    - `amplitude`, `offset`: in the unit of the cell's current.
    - `frequency`: $f$, Hz.
    - `phase`: rad.
    """

    amplitude: Parameter = param()
    frequency: Parameter = param()
    phase: Parameter = param(0.0)
    offset: Parameter = param(0.0)

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        del dt, key
        # The cycle count is reduced before it is multiplied by 2 pi, which keeps the phase exact late in a run.
        cycles = self.frequency * (t / 1000.0)
        return self.offset + self.amplitude * jnp.sin(2 * jnp.pi * (cycles - jnp.floor(cycles)) + self.phase)


class NoiseCurrent(AbstractDrive):
    r"""Gaussian white noise $\mu + \sigma \xi(t)$, drawn anew in each step as $\mu + \sigma N(0, 1) / \sqrt{dt}$, so that
    its integral does not depend on dt.

    A leaky integrator of time constant $\tau$ and resistance 1 then has the standard deviation $\sigma / \sqrt{2 \tau}$ (to
    second order in dt / tau).

    NEST's `noise_generator` states the standard deviation `std` of the value that is held, and for how long, `dt`; it is
    this one with $\sigma = std\, \sqrt{dt}$, in simulations of that step. For noise that is correlated in time, or that
    belongs to a receptor, see `OrnsteinUhlenbeck`; for noise in other variables or that depends on the state,
    `EulerMaruyama`.

    **Arguments:**

    - `mean`: in the unit of the cell's current.
    - `sigma`: in the unit of the cell's current times the square root of ms, not negative.
    - `shape`: the shape of independent noise, a tuple, that of the population; `()` gives one noise shared by all.
    """

    mean: Parameter = param(0.0)
    sigma: Parameter = param(1.0)
    shape: tuple[int, ...] = static(())

    def __check_init__(self) -> None:
        check_not_negative(self, "sigma")
        as_shape("NoiseCurrent", self.shape)

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        del t
        if key is None:
            raise ValueError("NoiseCurrent needs randomness: pass `key` to `simulate`.")
        return self.mean + self.sigma / dt**0.5 * jax.random.normal(key, self.shape, self.sigma.dtype)
