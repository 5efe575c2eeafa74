"""The Yin-Yang dataset."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float, Int

from .._fields import as_parameter
from .._types import Key
from ._choices import count


# Points that are drawn for each sample in a round; the rarest class, the dots, has 6 % of the square.
_TRIES = 16


def yin_yang_class(x: Any, y: Any, dot_radius: float = 0.1) -> Int[Array, "..."]:
    """The class of points within the circle of radius 1/2 around (1/2, 1/2) (Kriener et al. 2022): 2 in the two dots, around
    (1/4, 1/2) and (3/4, 1/2); 1 in the upper half, which bulges downwards on the left; 0 in the lower one, which is the upper
    one turned by half a turn. Points outside have none: -1.

    **Arguments:**

    - `x`, `y`: coordinates.
    - `dot_radius`: of the dots, below 1/4.
    """
    _check("yin_yang_class", dot_radius)
    x, y = as_parameter(x), as_parameter(y)
    left, right = jnp.hypot(x - 0.25, y - 0.5), jnp.hypot(x - 0.75, y - 0.5)
    upper = (left <= 0.25) | ((y > 0.5) & (right > 0.25))
    half = jnp.where((left < dot_radius) | (right < dot_radius), 2, upper.astype(jnp.int32))
    return jnp.where(jnp.hypot(x - 0.5, y - 0.5) <= 0.5, half, -1).astype(jnp.int32)


def yin_yang(
    key: Key, samples: int, *, dot_radius: float = 0.1
) -> tuple[Float[Array, "samples 4"], Int[Array, " samples"]]:
    """Points of the Yin-Yang dataset (Kriener et al. 2022), uniform within their class, and their classes (`yin_yang_class`).

    The classes are balanced, to one sample, and come in random order. A linear classifier gets some 64 % right.

    **Arguments:**

    - `samples`: how many.
    - `dot_radius`: of the dots, above 0 and below 1/4.

    **Returns:** (x, y, 1 - x, 1 - y), and the classes. `encode.linear_latency` makes spike times of the former.
    """
    count("yin_yang", "samples", samples)
    _check("yin_yang", dot_radius)
    order_key, point_key = jr.split(key)
    labels = jr.permutation(order_key, jnp.arange(samples, dtype=jnp.int32) % 3)

    def draw(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        turn, points, found = carry
        tried = jr.uniform(jr.fold_in(point_key, turn), (samples, _TRIES, 2), points.dtype)
        fits = yin_yang_class(tried[..., 0], tried[..., 1], dot_radius) == labels[:, None]
        first = jnp.take_along_axis(tried, fits.argmax(1)[:, None, None], 1)[:, 0]
        new = ~found & fits.any(1)
        return turn + 1, jnp.where(new[:, None], first, points), found | new

    start = jnp.zeros((), jnp.int32), jnp.zeros((samples, 2)), jnp.zeros(samples, bool)
    _, points, _ = lax.while_loop(lambda carry: ~jnp.all(carry[2]), draw, start)
    return jnp.concatenate([points, 1.0 - points], 1), labels


def _check(owner: str, dot_radius: float) -> None:
    if not 0.0 < dot_radius < 0.25:
        raise ValueError(f"{owner}: `dot_radius` must be above 0 and below 0.25, got {dot_radius!r}.")
