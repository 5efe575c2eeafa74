"""Delays of synapses that have just been drawn, in steps."""

from typing import Any, TypeAlias

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Int

from .._types import Initialiser, is_tracer, Key


# Nothing, a number of steps, an array of them, or a function (key, shape) -> array of them.
Delay: TypeAlias = Any


class Integers(eqx.Module):
    """As made by `integers`."""

    low: int = eqx.field(static=True)
    high: int = eqx.field(static=True)

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Int[Array, "..."]:
        return jr.randint(key, shape, self.low, self.high + 1, jnp.int32)

    def __repr__(self) -> str:
        return f"integers({self.low}, {self.high})"


class InSteps(eqx.Module):
    """As made by `in_steps` of a function."""

    delay: Initialiser
    dt: float = eqx.field(static=True)

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Int[Array, "..."]:
        return jnp.asarray(_rounded(self.delay(key, shape), self.dt))


def integers(low: Any, high: Any) -> Initialiser:
    """Whole numbers from `low` to `high`, both included, each as likely: for `delay=` of a rule."""
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"integers: `{name}` must be a whole number, got {value!r}.")
    if low > high:
        raise ValueError(f"integers: `low` = {low} is above `high` = {high}.")
    return Integers(int(low), int(high))


def in_steps(delay: Any, dt: float) -> Any:
    """Delays in ms as delays in steps, rounded to the nearest, at least one step.

    **Arguments:**

    - `delay`: ms: a number, an array, or a function `(key, shape) -> array` such as `uniform(0.5, 2.0)`.
    - `dt`: the time step of the simulations to come, ms.

    **Returns:** an int, an integer array, or a function, for `delay=` of a rule or `delays=` of a matrix.
    """
    if not (np.isfinite(dt) and dt > 0.0):
        raise ValueError(f"in_steps: `dt` must be positive and finite, got {dt}.")
    if callable(delay):
        return InSteps(delay, float(dt))
    steps = _rounded(delay, dt)
    return int(steps) if steps.ndim == 0 else steps


def _rounded(delay: Any, dt: float) -> np.ndarray:
    values = np.asarray(delay, np.float64)
    if not np.all(np.isfinite(values) & (values >= 0.0)):
        raise ValueError("in_steps: `delay` must be finite and not negative.")
    return np.asarray(np.maximum(np.rint(values / dt), 1), np.int32)


def as_delay(rule: str, delay: Delay) -> Delay:
    """`delay`, if it could be one."""
    if delay is None or callable(delay):
        return delay
    steps = np.asarray(delay)
    if not np.issubdtype(steps.dtype, np.integer):
        raise TypeError(
            f"{rule}: `delay` counts steps, so it must be whole, got {delay!r}; connect.in_steps(delay, dt) converts from "
            "ms."
        )
    if steps.size and steps.min() < 1:
        raise ValueError(f"{rule}: `delay` must be at least 1 step, got {steps.min()}.")
    return int(steps) if steps.ndim == 0 else steps


def delays(rule: str, delay: Delay, shape: tuple[int, ...], key: Key | None) -> np.ndarray | None:
    """The delays of `shape` drawn, or the given ones, which must be one number or of that shape."""
    if delay is None:
        return None
    if callable(delay):
        if key is None:
            raise ValueError(f"{rule}: `delay` is random, so a `key` is needed.")
        drawn = delay(jr.fold_in(key, 1), shape)
        if is_tracer(drawn):
            raise TypeError(f"{rule}: delays size the memory of a network, so its `key` cannot be traced.")
        delay = as_delay(rule, np.asarray(drawn))
    steps = np.asarray(delay)
    if steps.shape not in ((), shape):
        raise ValueError(f"{rule}: `delay` must be one number or of shape {shape}, got shape {steps.shape}.")
    return np.broadcast_to(steps, shape)


def show_delay(delay: Delay) -> str:
    """A delay in the description of a rule, as an argument."""
    if delay is None:
        return ""
    return f", delay={delay}" if isinstance(delay, int) else f", delay={eqx.tree_pformat(delay)}"
