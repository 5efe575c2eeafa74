"""Which areas go together: functional connectivity and its changes."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._series import check_series


def functional_connectivity(x: Float[Array, "time areas"]) -> Float[Array, "areas areas"]:
    """Pearson's correlation of every pair of series; differentiable. A series that is constant has correlations of 0.

    **Arguments:**

    - `x`: `[time, areas]`.
    """
    check_series("functional_connectivity", "x", x)
    z = x - jnp.mean(x, axis=0, keepdims=True)
    power = jnp.sum(z * z, axis=0, keepdims=True)
    # A constant series has rounding errors only, and no direction.
    alive = power > (1e-6 if x.dtype.itemsize <= 4 else 1e-14) ** 2 * jnp.sum(x * x, axis=0, keepdims=True)
    z = jnp.where(alive, z / jnp.sqrt(jnp.where(alive, power, 1.0)), 0.0)
    return z.T @ z


def upper_triangle(matrix: Float[Array, "areas areas"]) -> Float[Array, " pairs"]:
    """The entries above the diagonal, one for each pair, in the order of rows."""
    rows, columns = np.triu_indices(matrix.shape[0], 1)
    return matrix[rows, columns]


def fc_similarity(a: Float[Array, "areas areas"], b: Float[Array, "others others"]) -> Float[Array, ""]:
    """Pearson's correlation of two functional connectivities over pairs of areas: by which models of whole brains are
    compared with data. Differentiable."""
    if a.shape != b.shape:
        raise ValueError(f"fc_similarity: the matrices must have one shape, got {a.shape} and {b.shape}.")
    return functional_connectivity(jnp.stack([upper_triangle(a), upper_triangle(b)], axis=1))[0, 1]


def fc_dynamics(x: Float[Array, "time areas"], window: int, step: int) -> Float[Array, "windows windows"]:
    """The dynamics of functional connectivity (Hansen et al. 2015): how similar that of each window is to that of each other.
    Differentiable.

    **Arguments:**

    - `x`: `[time, areas]`.
    - `window`, `step`: the length of windows and the distance between their beginnings, in samples.
    """
    for name, value, least in (("window", window, 2), ("step", step, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(
                f"fc_dynamics: `{name}` must be a whole number of samples, at least {least}, got {value!r}."
            )
    check_series("fc_dynamics", "x", x, window)
    starts = np.arange(0, x.shape[0] - window + 1, step)
    windows = x[starts[:, None] + np.arange(window)]
    pairs = jax.vmap(lambda w: upper_triangle(functional_connectivity(w)))(windows)
    return functional_connectivity(pairs.T)
