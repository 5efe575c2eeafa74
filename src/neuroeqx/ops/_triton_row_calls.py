"""Lowering of the products of matrices stored by rows to the Triton kernels.

`pointers` are the row pointers, or `None` where every row has as many synapses (`indices` then has two axes).
"""

from typing import Any

import jax
import jax.numpy as jnp

from . import _triton
from ._triton import ceil_div, launch, like, power_of_two


_BLOCK = 256  # synapses that a program handles at a time
_SHARE = 4096  # synapses after which a further program takes part in a group of rows
_PROGRAMS = 1024  # as many as keep a large GPU busy
_WIDE = 2**31  # places of synapses from here on need 64 bits
_LISTED_ROWS = 8  # rows at a time of a program that is given a list: few, as a list may be short


def _kernels():
    return _triton.kernels("._triton_rows")


class _Launch:
    """How the rows of a matrix are divided among programs."""

    def __init__(self, x, indices, pointers, active):
        n_pre = x.shape[-1]
        members = 1 if x.ndim == 1 else x.shape[0]
        mean = ceil_div(indices.size, n_pre)
        if active is None:
            self.rows = power_of_two(ceil_div(n_pre * members, _PROGRAMS), 16, 128)
            self.groups = ceil_div(n_pre, self.rows)
        else:
            self.rows = _LISTED_ROWS
            self.groups = min(ceil_div(n_pre, self.rows), ceil_div(_PROGRAMS, members))
        self.chunks = min(ceil_div(self.rows * mean, _SHARE), _PROGRAMS)
        self.programs = self.groups * self.chunks * members
        self.n_pre, self.members, self.mean = n_pre, members, mean
        # Lanes run past the last synapse by less than a stride of all chunks.
        self.wide = indices.size + (self.chunks + 1) * _BLOCK >= _WIDE

    @property
    def constants(self) -> dict[str, Any]:
        return {"ROWS": self.rows, "LOG2": self.rows.bit_length() - 1, "BLOCK": _BLOCK, "WIDE": self.wide}


def _operands(indices, pointers, offset):
    """What the kernels take for the structure; they do not read those that the matrix has not."""
    k = indices.shape[-1] if pointers is None else 0
    return (indices, indices if pointers is None else pointers, indices if offset is None else offset), k


def _flags(pointers, offset) -> dict[str, Any]:
    return {"CSR": pointers is not None, "TURNED": offset is not None}


def add_matvec(out, weight, x, indices, pointers, offset, *, active):
    if 0 in (out.size, x.size, indices.size):
        return out
    shape = _Launch(x, indices, pointers, active)
    structure, k = _operands(indices, pointers, offset)
    fixed = _triton.deterministic()
    ids, count = active or (indices, indices)

    def add(target, exponent):
        return launch(
            _kernels().add_matvec,
            target, weight, x, ids, count, *structure, exponent,
            shape.n_pre, out.shape[-1], k, shape.groups, shape.chunks,
            outputs=[like(target)],
            programs=shape.programs,
            in_place={0: 0},
            LISTED=active is not None,
            SHARED=weight.ndim == 0,
            FIXED=fixed,
            **_flags(pointers, offset),
            **shape.constants,
        )[0]  # fmt: skip

    return add_exactly(out, _bound(weight, x, indices, pointers), add) if fixed else add(out, indices)


def add_exactly(out, bound, add):
    """Adds up in fixed point what `add(target, exponent)` adds to a target of 64-bit integers, then adds that to `out`.

    The unit is a power of two, chosen so that `bound`, which no sum of some contributions may exceed, fits. So a
    contribution is rounded to about 2^-61 of the bound, and sums are those of integers: the same in any order.
    """
    _, above = jnp.frexp(jnp.where(jnp.isfinite(bound), bound, 1))
    exponent = jnp.clip(61 - above, -1000, 1000).astype(jnp.int32)
    target = add(jnp.zeros((2, *out.shape), jnp.uint32), exponent)  # JAX may have no integers of 64 bits
    block = 1024
    return launch(
        _kernels().finish_fixed, out, target, exponent, bound, out.size,
        outputs=[like(out)], programs=ceil_div(out.size, block), in_place={0: 0}, BLOCK=block,
    )[0]  # fmt: skip


def _bound(weight, x, indices, pointers):
    """No sum of some of the products can be above this: all synapses of all rows might share a target."""
    if indices.ndim == 2:
        sums = jnp.sum(jnp.abs(x), axis=-1) * jnp.asarray(indices.shape[1], x.dtype)
    else:
        degrees = jnp.diff(pointers).astype(x.dtype)
        sums = jnp.sum(jnp.abs(x) * jnp.broadcast_to(degrees, x.shape), axis=-1)
    return jnp.max(sums) * jnp.max(jnp.abs(weight)).astype(x.dtype)


def rmatvec(weight, g, indices, pointers, offset, *, n_pre):
    shape = (*g.shape[:-1], n_pre)
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros(shape, g.dtype)
    structure, k = _operands(indices, pointers, offset)
    block = power_of_two(ceil_div(indices.size, n_pre), 32, 128)
    rows = 512 // block
    groups = ceil_div(n_pre, rows)
    members = 1 if g.ndim == 1 else g.shape[0]
    return launch(
        _kernels().rmatvec,
        weight, g, *structure, n_pre, g.shape[-1], k, groups,
        outputs=[jax.ShapeDtypeStruct(shape, g.dtype)],
        programs=groups * members,
        SHARED=weight.ndim == 0,
        WIDE=indices.size + block >= _WIDE,
        ROWS=rows,
        BLOCK=block,
        **_flags(pointers, offset),
    )[0]  # fmt: skip


def outer(x, g, indices, pointers, offset, *, active, weight_shape):
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(weight_shape, x.dtype)
    if weight_shape == ():
        return _outer_sum(x, g, indices, pointers, offset, active)
    shape = _Launch(x[0] if x.ndim == 2 else x, indices, pointers, None)  # every synapse is written anyway
    structure, k = _operands(indices, pointers, offset)
    members = 1 if x.ndim == 1 else x.shape[0]
    return launch(
        _kernels().outer,
        x, g, *structure, shape.n_pre, g.shape[-1], k, shape.groups, shape.chunks, members,
        outputs=[jax.ShapeDtypeStruct(weight_shape, x.dtype)],
        programs=shape.programs,
        **_flags(pointers, offset),
        **shape.constants,
    )[0]  # fmt: skip


def _outer_sum(x, g, indices, pointers, offset, active):
    shape = _Launch(x, indices, pointers, active)
    structure, k = _operands(indices, pointers, offset)
    ids, count = active or (indices, indices)
    [parts] = launch(
        _kernels().outer_sum,
        x, g, ids, count, *structure, shape.n_pre, g.shape[-1], k, shape.groups, shape.chunks,
        outputs=[jax.ShapeDtypeStruct((shape.programs,), x.dtype)],
        programs=shape.programs,
        LISTED=active is not None,
        **_flags(pointers, offset),
        **shape.constants,
    )  # fmt: skip
    return jnp.sum(parts)


def add_outer(weight, x, g, indices, pointers, offset, *, active, order=None):
    """`weight` with `x_i * g_j` added at the synapses of the rows whose `x_i` is not zero, in its memory.

    With `order` the structure is that of the transposed matrix (`x` belongs to its rows, the targets), and `order[e]` is
    the place in `weight` of its synapse `e`.
    """
    if 0 in (x.size, g.size, indices.size):
        return weight
    shape = _Launch(x, indices, pointers, active)
    structure, k = _operands(indices, pointers, offset)
    ids, count = active or (indices, indices)
    return launch(
        _kernels().add_outer,
        weight, x, g, ids, count, *structure, indices if order is None else order,
        shape.n_pre, g.shape[-1], k, shape.groups, shape.chunks,
        outputs=[like(weight)],
        programs=shape.programs,
        in_place={0: 0},
        LISTED=active is not None,
        ORDERED=order is not None,
        **_flags(pointers, offset),
        **shape.constants,
    )[0]  # fmt: skip
