"""Delays that are learnt."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._checks import check_count
from .._fields import as_parameter, check_finite, static
from .._types import is_tracer, Key
from ._sequence import AbstractSequenceLayer


def _hat(distance: Float[Array, "..."], width: int) -> Float[Array, "..."]:
    """A triangle of area 1; at whole steps its values sum to 1 wherever it stands, for whole widths."""
    return jnp.maximum(0.0, 1.0 - jnp.abs(distance) / width) / width


class Delays(AbstractSequenceLayer):
    r"""A learnable delay for each feature: `[time, features]` to `[time, features]`.

    $y_t = \sum_s h(s - d)\, x_{t - s}$ with the triangle $h(u) = \max(0, 1 - |u| / w) / w$: for w = 1 linear interpolation
    between the two whole delays next to d, in which the sum over time stays what it is. Before the sequence there was nothing.
    A spike moves smoothly to the step next to it, so its delay has a derivative; a wider triangle feels spikes further away,
    and may be narrowed while training goes on (Hammouamri, Khalfaoui-Hassani & Masquelier 2024). Its part before step 0 is cut
    off.

    **Arguments:**

    - `delay`: steps, `[features]` or one number, trainable. Below 0 it is 0.
    - `width`: w, whole steps, at least 1.
    """

    delay: Float[Array, "..."]
    width: int = static()

    def __init__(self, delay: Any, width: int = 1):
        self.delay = as_parameter(delay)
        self.width = width

    def __check_init__(self) -> None:
        check_finite(self)
        check_count(self, "width")
        _check_delays("Delays", self.delay, None)

    def __call__(self, x: Float[Array, "time features"], *, key: Key | None = None) -> Float[Array, "time features"]:
        del key
        steps, features = x.shape
        delay = jnp.broadcast_to(jnp.maximum(self.delay, 0.0).astype(x.dtype), (features,))
        first = jnp.floor(lax.stop_gradient(delay)).astype(jnp.int32) - (self.width - 1)
        y = jnp.zeros_like(x)
        for tap in range(2 * self.width):
            lag = first + tap
            weight = jnp.where(lag >= 0, _hat(lag.astype(x.dtype) - delay, self.width), 0.0)
            place = jnp.arange(steps, dtype=jnp.int32)[:, None] - lag[None]
            there = (place >= 0) & (lag >= 0)[None]
            moved = jnp.take_along_axis(x, jnp.where(there, place, 0), axis=0)
            y = y + weight[None] * jnp.where(there, moved, jnp.zeros_like(moved))
        return y


class DelayedLinear(AbstractSequenceLayer):
    r"""A linear layer with a learnable delay for each synapse: `[time, in]` to `[time, out]`,

    $y_{t, o} = \sum_i W_{oi} \sum_s h(s - d_{oi})\, x_{t - s, i}$, with the triangle h of `Delays`: a convolution in time with
    one triangle for each synapse (Khalfaoui-Hassani, Pellegrini & Masquelier 2023).

    **Arguments:**

    - `weight`: `[out, in]`, as that of `eqx.nn.Linear`, in the unit of what it feeds.
    - `delay`: steps, of the shape of `weight`, from 0 to `max_delay`; trained beyond, it stays at the end.
    - `max_delay`: steps, which the cost grows with.
    - `width`: as in `Delays`.
    """

    weight: Float[Array, "out in"]
    delay: Float[Array, "out in"]
    max_delay: int = static()
    width: int = static()

    def __init__(self, weight: Any, delay: Any, max_delay: int, width: int = 1):
        self.weight, self.delay = as_parameter(weight), as_parameter(delay)
        if self.weight.ndim != 2 or self.weight.shape != self.delay.shape:
            raise ValueError(
                f"DelayedLinear: `weight` and `delay` must have the shape (out, in), got {self.weight.shape} and "
                f"{self.delay.shape}."
            )
        self.max_delay, self.width = max_delay, width

    def __check_init__(self) -> None:
        check_finite(self)
        check_count(self, "max_delay")
        check_count(self, "width")
        _check_delays("DelayedLinear", self.delay, self.max_delay)

    def __call__(self, x: Float[Array, "time in"], *, key: Key | None = None) -> Float[Array, "time out"]:
        del key
        lags = jnp.arange(self.max_delay + 1, dtype=x.dtype)
        delay = jnp.clip(self.delay, 0.0, float(self.max_delay))
        kernel = self.weight[:, :, None] * _hat(lags[None, None] - delay[:, :, None], self.width)
        y = lax.conv_general_dilated(
            x.T[None], kernel[:, :, ::-1], (1,), [(self.max_delay, 0)], precision=lax.Precision.HIGHEST
        )
        return y[0].T


def _check_delays(owner: str, delay: Any, most: int | None) -> None:
    if is_tracer(delay) or isinstance(delay, jax.ShapeDtypeStruct) or not isinstance(delay, jax.Array | np.ndarray):
        return
    known = np.asarray(delay)
    if known.size and (known.min() < 0.0 or (most is not None and known.max() > most)):
        bounds = "not be negative" if most is None else f"lie between 0 and `max_delay` = {most}"
        raise ValueError(f"{owner}: `delay` must {bounds}, got {known.min():g} ... {known.max():g}.")
