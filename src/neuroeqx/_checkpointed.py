"""A scan of which reverse-mode differentiation keeps few states; those between are computed again."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Float, UInt8


def lengths(steps: int, checkpoints: int) -> list[int]:
    """How many steps there are between the states that are kept, at each level, the longest first; the steps between those of
    the last level keep all that their derivatives need.

    A level keeps at most `checkpoints` states at a time, and the last parts are no longer than twice that: as many levels as
    it takes.
    """
    found, rest = [], steps
    while rest > 2 * checkpoints:
        rest = _part(rest, checkpoints)
        found.append(rest)
    return found


def _part(steps: int, parts: int) -> int:
    """The length of parts, at most `parts` of them: the shortest, or one not much longer that leaves no remainder."""
    least = -(-steps // parts)
    whole = (n for n in range(least, least + least // 2 + 1) if steps % n == 0)
    return next(whole, least)


def checkpointed_scan(
    body: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any,
    length: int,
    checkpoints: int,
    spikes: Callable[[Any], list[Any]],
) -> tuple[Any, Any]:
    """As `lax.scan`. The states of `lengths(length, checkpoints)` are kept.

    (`equinox.internal.scan(kind="checkpointed")` keeps the fewest states for any number of steps, which need not be known
    before; here, where it is, loops within loops take less time.)

    **Arguments:**

    - `spikes`: selects from a carry arrays that are 0 or 1 everywhere, of which bits are kept.
    """
    return _level(body, carry, xs, length, lengths(length, checkpoints), spikes)


def _level(body: Any, carry: Any, xs: Any, length: int, parts: list[int], spikes: Any) -> tuple[Any, Any]:
    if not parts:
        return lax.scan(body, carry, xs, length)
    part, *inner = parts
    run = _remembering(lambda carry, xs: _level(body, carry, xs, part, inner, spikes), spikes)
    number, rest = divmod(length, part)
    whole = number * part
    split = jtu.tree_map(lambda x: x[:whole].reshape(number, part, *x.shape[1:]), xs)
    carry, ys = lax.scan(run, carry, split)
    ys = jtu.tree_map(lambda y: y.reshape(whole, *y.shape[2:]), ys)
    if rest:
        shorter = [n for n in inner if n < rest]
        last = _remembering(lambda carry, xs: _level(body, carry, xs, rest, shorter, spikes), spikes)
        carry, more = last(carry, jtu.tree_map(lambda x: x[whole:], xs))
        ys = jtu.tree_map(lambda a, b: jnp.concatenate([a, b]), ys, more)
    return carry, ys


def _remembering(run: Any, spikes: Any) -> Any:
    """`run`, of which only the arguments are kept, in bits what is spikes."""

    def again(bits: list[Any], carry: Any, xs: Any) -> Any:
        restored = [restore(x, b) for x, b in zip(spikes(carry), bits, strict=True)]
        return run(eqx.tree_at(spikes, carry, restored) if restored else carry, xs)

    again = jax.checkpoint(again, prevent_cse=False)
    return lambda carry, xs: again([to_bits(x) for x in spikes(carry)], carry, xs)


def to_bits(x: Float[Array, "..."]) -> UInt8[Array, " bytes"]:
    """Eight spikes to a byte."""
    x = lax.stop_gradient(x)
    message = (
        "simulate: spikes must be 0 or 1 (`AbstractSpiking`), of which `checkpoint` keeps bits; a cell puts out others."
    )
    x = eqx.error_if(x, jnp.any((x != 0.0) & (x != 1.0)), message)
    return jnp.packbits((x != 0.0).reshape(-1))


@jax.custom_jvp
def restore(x: Float[Array, "..."], bits: UInt8[Array, " bytes"]) -> Float[Array, "..."]:
    """`x` from its bits, with the derivative of `x` itself, whose value is not used and so not kept."""
    return from_bits(x.shape, x.dtype, bits)


@restore.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    x, bits = primals
    return from_bits(x.shape, x.dtype, bits), tangents[0]


def from_bits(shape: tuple[int, ...], dtype: jnp.dtype, bits: UInt8[Array, " bytes"]) -> Float[Array, "..."]:
    return jnp.unpackbits(bits, count=math.prod(shape)).astype(dtype).reshape(shape)
