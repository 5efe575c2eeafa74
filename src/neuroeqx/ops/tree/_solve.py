"""The linear equations of a tree of conductances."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._primitive import Backend, check_backend
from ._rules import bind_solve
from ._tree import Tree


def solve(
    tree: Tree,
    shunt: Float[Array, "*batch some"],
    coupling: Float[Array, "*#batch nodes"],
    source: Float[Array, "*batch some"],
    *,
    backend: Backend = None,
) -> Float[Array, "*batch some"]:
    r"""The voltages $v$ of a tree of nodes, each with a conductance $s$ to the ground, a source of current $i$ and a
    conductance
    $g$ to its parent:

    $s_k v_k + g_k (v_k - v_{p(k)}) + \sum_{c: p(c) = k} g_c (v_k - v_c) = i_k$.

    Gaussian elimination from the leaves to the root and back (Hines 1984), in a time proportional to the number of nodes, with
    conductances combined in series and in parallel, so that nothing is subtracted. The matrix is symmetric, so that derivatives
    in both modes, of any order, are solutions of the same tree.

    **Arguments:**

    - `tree`: its nodes.
    - `shunt`: $s$, of all nodes, or of the first `some` of them, while the rest has none and no source: float32 or float64.
    - `coupling`: $g$, of all nodes, positive; the root's counts nothing. It may lack the axes of the batch.
    - `source`: $i$, of as many nodes as `shunt`.
    - `backend`: `None` chooses when lowering: native code on CPU, pure JAX elsewhere. `"reference"` is pure JAX
        everywhere, `"native"` native code, an error on other platforms than CPU.

    **Returns:**

    The voltages of as many nodes as `shunt` has.

    **Errors:** `TypeError` and `ValueError` for other dtypes and shapes.
    """
    check_backend(backend)
    for name, x in (("shunt", shunt), ("coupling", coupling), ("source", source)):
        if x.dtype not in (jnp.float32, jnp.float64) or x.dtype != source.dtype:
            raise TypeError(f"{name} has dtype {x.dtype}, expected float32 or float64, the same for all")
    if shunt.shape != source.shape or source.ndim == 0 or not 0 < source.shape[-1] <= len(tree):
        raise ValueError(
            f"shunt has shape {shunt.shape} and source {source.shape}, expected the same, ending with 1 to {len(tree)} nodes"
        )
    if coupling.ndim == 0 or coupling.shape[-1] != len(tree):
        raise ValueError(f"coupling has shape {coupling.shape}, expected one for each of the {len(tree)} nodes")
    if coupling.ndim > 1 and coupling.shape[:-1] != source.shape[:-1]:
        coupling = jnp.broadcast_to(coupling, (*source.shape[:-1], len(tree)))
    return bind_solve(shunt, coupling, source, tree=tree, backend=backend)
