"""Lowering of lists of events to the Triton kernels."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _triton
from .._triton import ceil_div, launch, like, power_of_two
from . import _reference


_ONE = 8192  # up to this length one program takes a whole vector
_BLOCK = 1024


def _count(kernels, x) -> tuple[Any, int, int, dict[str, Any]]:
    """How `x` is divided, and the active entries of each block where there are several."""
    n, members = x.shape[-1], 1 if x.ndim == 1 else x.shape[0]
    block = power_of_two(n, 128, _ONE) if n <= _ONE else _BLOCK
    blocks = ceil_div(n, block)
    constants = {"ONE": blocks == 1, "BLOCK": block, "LANES": 128 if blocks == 1 else power_of_two(blocks, 128, 1024)}
    counts = x  # not read
    if blocks > 1:
        shape = jax.ShapeDtypeStruct((members, blocks), jnp.int32)
        [counts] = launch(
            kernels.count_blocks, x, n, blocks, outputs=[shape], programs=blocks * members, warps=4, BLOCK=block
        )
    return counts, n, blocks, {"programs": blocks * members, "warps": 8 if block > 2048 else 4, **constants}


def compact(x):
    if x.size == 0:
        return _reference.compact(x)
    kernels = _triton.kernels(".events._triton_kernels")
    counts, n, blocks, how = _count(kernels, x)
    shapes = [jax.ShapeDtypeStruct(shape, jnp.int32) for shape in (x.shape, x.shape[:-1])]
    return launch(kernels.compact, x, counts, n, blocks, outputs=shapes, **how)


def append(buffer, count, x, step):
    if 0 in (buffer.size, x.size):
        return _reference.append(buffer, count, x, step)
    kernels = _triton.kernels(".events._triton_kernels")
    counts, n, blocks, how = _count(kernels, x)
    capacity = buffer.shape[-2]
    return launch(
        kernels.append,
        buffer, count, x, step, counts, n, blocks, capacity,
        outputs=[like(buffer), like(count)],
        in_place={0: 0},
        **how,
    )  # fmt: skip
