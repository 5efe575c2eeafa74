"""Checks of the operands that the products of all families share. Errors name the argument."""

from typing import Any

import jax.numpy as jnp

from ._primitive import check_backend


def check_vectors(weight: Any, backend: Any, **vectors: Any) -> None:
    """One axis each, float32 or float64, all of one dtype, which is also that of the weight, unless that is bfloat16."""
    check_backend(backend)
    real = None
    for name, vector in vectors.items():
        if vector.dtype not in (jnp.float32, jnp.float64):
            raise TypeError(
                f"{name} has dtype {vector.dtype}, expected float32 or float64 (spikes are 0 or 1 in a float dtype)"
            )
        real = vector.dtype if real is None else real
        if weight is not None and weight.dtype not in (vector.dtype, jnp.bfloat16):
            raise TypeError(
                f"{name} has dtype {vector.dtype} and weight has {weight.dtype}; they must be the same, or the weight "
                "bfloat16"
            )
        if vector.dtype != real:
            raise TypeError(f"{name} has dtype {vector.dtype} and another operand has {real}; they must be the same")
        if vector.ndim != 1:
            raise ValueError(f"{name} has shape {vector.shape}, expected one axis; use jax.vmap for a batch")


def check_weight(weight: Any, shape: tuple[int, ...]) -> None:
    if weight.shape not in ((), shape):
        raise ValueError(f"weight has shape {weight.shape}, expected () or {shape}, one per synapse")


def check_each(weight: Any, x: Any, shape: tuple[int, ...]) -> None:
    """Weights that are written: one for each synapse, in the dtype of the vectors."""
    if weight.shape != shape:
        raise ValueError(f"weight has shape {weight.shape}, expected {shape}, one per synapse")
    if weight.dtype != x.dtype:
        raise TypeError(f"weight has dtype {weight.dtype} and x has {x.dtype}; weights that change must have the same")


def check_rows(x: Any, n_pre: int) -> None:
    if x.size != n_pre:
        raise ValueError(f"x has length {x.size}, but the matrix has {n_pre} rows")


def check_active(active: Any, n_pre: int) -> None:
    """A list as `ops.events.compact` makes it."""
    if active is None:
        return
    ids, count = active
    if ids.dtype != jnp.int32 or count.dtype != jnp.int32 or ids.shape != (n_pre,) or count.shape != ():
        raise ValueError(
            f"active is ({ids.dtype}{list(ids.shape)}, {count.dtype}{list(count.shape)}), expected what "
            f"ops.events.compact(x) returns: (int32[{n_pre}], int32[])"
        )


def check_offset(offset: Any) -> tuple:
    """The offset as an operand, if there is one."""
    if offset is None:
        return ()
    if offset.dtype != jnp.int32 or offset.shape != ():
        raise TypeError(f"offset is {offset.dtype}{list(offset.shape)}, expected int32[]")
    return (offset,)
