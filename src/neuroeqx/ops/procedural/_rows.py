"""The synapses of some rows, written down: work for the host, since their number is not known before."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._law import Law
from ._reference import coefficients, DRAWS, linear_slope, synapses


_DRAWN = 2**18  # draws at a time


def rows_of(
    structure: tuple[Any, ...], rows: np.ndarray, *, law: Law, dtype: Any = jnp.float32
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The synapses of some rows of a procedural matrix, in the order in which they are drawn.

    **Arguments:**

    - `structure`, `law`: as in [`neuroeqx.ops.procedural.matvec`][]. The arrays must not be traced.
    - `rows`: numbers of rows.
    - `dtype`: of the coefficients.

    **Returns:** how many synapses each row has, their columns, int32, and the coefficients of which `linear_weights` makes
    their weights (of length 0 if all have the same).
    """
    rows = np.asarray(rows, np.uint32)
    if law.empty or rows.size == 0:
        return np.zeros(rows.shape, np.int64), np.zeros(0, np.int32), np.zeros(0, dtype)
    # At most as many rows as would be drawn along in one go. The last chunk is filled up with rows that are left out.
    size = min(rows.size, max(_DRAWN // DRAWS, 1))
    counts, columns, values = [], [], []
    for begin in range(0, rows.size, size):
        chunk = rows[begin : begin + size]
        padded = np.concatenate([chunk, np.zeros(size - chunk.size, np.uint32)])
        parts = _chunk(structure, padded, law, np.dtype(dtype).name)
        order = [np.concatenate(part, axis=1)[: chunk.size] for part in zip(*parts, strict=True)]
        valid = order[0]
        counts.append(valid.sum(1))
        columns.append(order[1][valid])
        values.append(order[2][valid] if len(order) > 2 else np.zeros(0, dtype))
    return np.concatenate(counts), np.concatenate(columns), np.concatenate(values)


def linear_weights(theta: Float[Array, "..."], values: np.ndarray, *, law: Law) -> Float[Array, "..."]:
    """The weights of the synapses of `rows_of`. Differentiable in `theta`; to the bit those of the products outside of jit,
    where XLA rounds once instead of twice.

    **Returns:** one per synapse, or `theta` if all have the same.
    """
    if law.weights == "constant":
        return theta
    return theta[0] + linear_slope(law, theta) * jnp.asarray(values, theta.dtype)


def _chunk(structure, rows, law, dtype):
    """`(valid, columns[, coefficients])` of draw after draw, until the last of the rows has ended."""
    first, position, parts = 0, jnp.zeros(rows.shape, jnp.uint32), []
    while first < law.k if law.k is not None else bool(np.any(np.asarray(position) < law.width)):
        *part, position = _draw(law, dtype, structure, rows, jnp.uint32(first), position)
        parts.append([np.asarray(array) for array in part])
        first += DRAWS
    return parts


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(law, dtype, structure, rows, first, position):
    tables = law.operands(structure)
    columns, valid, position = synapses(law, tables, rows, first, position)
    values = coefficients(law, tables, rows, first, jnp.dtype(dtype))
    return (valid, columns, *(() if values is None else (values,)), position)
