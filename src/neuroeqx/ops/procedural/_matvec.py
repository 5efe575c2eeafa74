"""Products of matrices that are drawn again at every use with vectors of spikes or of other values."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._checks import check_active, check_offset, check_rows, check_vectors
from .._primitive import Backend
from .._trilinear import Active
from ._law import Law
from ._rules import products


def matvec(
    weight: Float[Array, "..."],
    structure: tuple[Any, ...],
    x: Float[Array, " n_pre"],
    *,
    law: Law,
    active: Active = None,
    backend: Backend = None,
) -> Float[Array, " n_columns"]:
    r"""The product $y_j = \sum_i x_i W_{ij}$ with a matrix that exists nowhere, at the cost of drawing the rows whose $x_i$
    is not zero.

    Which synapses there are follows from `law` and the seed alone, by integer arithmetic: it is the same on every backend,
    and in the product, its transpose and all derivatives. Differentiable in `weight` and `x` to any order in forward and
    reverse mode. `jax.vmap` over `x` draws each row once for the whole batch; over seeds or weights it goes through them
    one after the other.

    **Arguments:**

    - `weight`: the parameters of the weights, of shape `law.theta_shape`, in the dtype of `x` or bfloat16. `"constant"`:
        the weight, `()`. `"uniform"`: low and high, `(2,)`. `"normal"`: mean and standard deviation, `(2,)`.
    - `structure`: the arrays `law.names`, uint32 of the shapes `law.shapes()`: the seed, two words (the data of a threefry
        key), then as needed `gap_table(p)`, `normal_table()` and the second of `accept_table(probabilities)`.
    - `x`: one value per row (source), float32 or float64. NaN counts as an event.
    - `law`: what is drawn.
    - `active`, `backend`: as in [`neuroeqx.ops.csr.matvec`][].

    **Returns:**

    The product, of length `law.columns`, in the dtype of `x`.
    """
    return add_matvec(jnp.zeros(law.columns, x.dtype), weight, structure, x, law=law, active=active, backend=backend)


def add_matvec(
    out: Float[Array, " n_columns"],
    weight: Float[Array, "..."],
    structure: tuple[Any, ...],
    x: Float[Array, " n_pre"],
    *,
    law: Law,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_columns"]:
    """As [`neuroeqx.ops.procedural.matvec`][], added to `out`, in its memory where XLA can give it away.

    **Arguments:**

    - `out`: what to add to, in the dtype of `x`, at least `law.columns` long. With delays a synapse with delay d has the
        column `(d - 1) * n_post + target`.
    - `weight`, `structure`, `x`, `law`, `active`, `backend`: as in `matvec`.
    - `offset`: as in [`neuroeqx.ops.csr.add_matvec`][].

    **Returns:**

    `out + matvec(weight, structure, x)`.
    """
    check_vectors(weight, backend, x=x, out=out)
    _check(law, structure, weight)
    check_rows(x, law.n_pre)
    _check_columns("out", out, law)
    check_active(active, x.size)
    operands = *structure, *check_offset(offset)
    return products.add_matvec(out, weight, x, *operands, active=active, event=True, law=law, backend=backend)


def rmatvec(
    weight: Float[Array, "..."],
    structure: tuple[Any, ...],
    g: Float[Array, " n_columns"],
    *,
    law: Law,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_pre"]:
    r"""The product with the transpose of the matrix of [`neuroeqx.ops.procedural.matvec`][], $x_i = \sum_j W_{ij} g_j$.

    Every row is drawn, whatever `g` holds.

    **Arguments:**

    - `g`: one value per column, in the dtype of `weight`, at least `law.columns` long.
    - `weight`, `structure`, `law`, `backend`: as in `matvec`.
    - `offset`: as in `add_matvec`, within `g`.

    **Returns:**

    One value per row.
    """
    check_vectors(weight, backend, g=g)
    _check(law, structure, weight)
    _check_columns("g", g, law)
    operands = *structure, *check_offset(offset)
    return products.rmatvec(weight, g, *operands, n_pre=law.n_pre, law=law, backend=backend)


def outer(
    structure: tuple[Any, ...],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_columns"],
    *,
    law: Law,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, "..."]:
    r"""The gradient of $\sum_{ij} x_i W_{ij} g_j$ towards the parameters of the weights, which it is linear in.

    **Arguments:**

    - `structure`, `x`, `law`, `active`, `backend`: as in [`neuroeqx.ops.procedural.matvec`][].
    - `g`: one value per column, in the dtype of `x`, at least `law.columns` long.
    - `offset`: as in `add_matvec`, within `g`.

    **Returns:**

    An array of shape `law.theta_shape`.
    """
    check_vectors(None, backend, x=x, g=g)
    _check(law, structure, None)
    check_rows(x, law.n_pre)
    _check_columns("g", g, law)
    check_active(active, x.size)
    operands = *structure, *check_offset(offset)
    shape = law.theta_shape
    return products.outer(x, g, *operands, weight_shape=shape, active=active, law=law, backend=backend)


def _check(law, structure, weight):
    shapes = law.shapes()
    if len(structure) != len(shapes):
        raise ValueError(f"structure has {len(structure)} arrays, but the law needs {len(shapes)}: {', '.join(shapes)}")
    for (name, shape), array in zip(shapes.items(), structure, strict=True):
        if array.dtype != jnp.uint32 or array.shape != shape:
            raise TypeError(f"{name} is {array.dtype}{list(array.shape)}, expected uint32{list(shape)}")
    if weight is not None and weight.shape != law.theta_shape:
        raise ValueError(f"weight has shape {weight.shape}, but {law.weights} weights have {law.theta_shape}")


def _check_columns(name, vector, law):
    if vector.size < law.columns:
        raise ValueError(f"{name} has length {vector.size}, but the matrix has {law.columns} columns")
