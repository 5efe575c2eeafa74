"""The synapse with any linear kernel."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from .._interfaces import AbstractLinearSynapse
from .._types import is_tracer, Key, Time


Vector = tuple[Float[Array, "..."], ...]


def _vector(values: Any) -> Vector:
    return tuple(as_parameter(x) for x in values)


def _matrix(rows: Any) -> tuple[Vector, ...]:
    return tuple(_vector(row) for row in rows)


class LinearKernelState(eqx.Module):
    """The variables `x`, without this step's arrivals, and their sum `s`."""

    x: Vector
    s: Float[Array, "..."]


class LinearKernel(AbstractLinearSynapse):
    r"""Any linear, time-invariant kernel of a few variables: $dx/dt = A x$, each arriving spike of weight w adds $w\, b$ to
    $x$, and the conductance is $g = c \cdot x$: the kernel $c \cdot e^{A t} b$.

    Solved exactly: a step multiplies by $e^{A\, dt}$, which is computed once per run (Rotter & Diesmann 1999).
    `Expon(tau)` is `LinearKernel([[-1 / tau]], [1.0], [1.0])`.

    **Arguments:** (each of their entries a number, or an array that broadcasts against the population)

    - `a`: the matrix A, k rows of k entries, 1/ms.
    - `b`: what a spike of weight 1 adds to each of the k variables, in units of the variable.
    - `c`: the part of each variable in the conductance, in units of the conductance per unit of the variable.
    """

    a: tuple[Vector, ...] = eqx.field(converter=_matrix)
    b: Vector = eqx.field(converter=_vector)
    c: Vector = eqx.field(converter=_vector)

    def __check_init__(self) -> None:
        k = len(self.a)
        if k == 0 or any(len(row) != k for row in self.a):
            raise ValueError(
                f"LinearKernel: `a` must be a square matrix, got {k} rows with {[len(row) for row in self.a]} entries."
            )
        for name, vector in (("b", self.b), ("c", self.c)):
            if len(vector) != k:
                raise ValueError(
                    f"LinearKernel: `{name}` must have an entry for each of the {k} rows of `a`, got {len(vector)}."
                )
        for path, value in jtu.tree_leaves_with_path((self.a, self.b, self.c)):
            if eqx.is_array(value) and not is_tracer(value) and not np.all(np.isfinite(np.asarray(value))):
                place = "abc"[path[0].idx] + "".join(f"[{key.idx}]" for key in path[1:])
                raise ValueError(f"LinearKernel: `{place}` must be finite, got {np.asarray(value)}.")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> LinearKernelState:
        del key
        zeros = jnp.zeros(shape, self.a[0][0].dtype)
        return LinearKernelState((zeros,) * len(self.a), zeros)

    def decay(self, state: LinearKernelState, *, dt: Time) -> LinearKernelState:
        entries = jnp.broadcast_arrays(*(entry for row in self.a for entry in row))
        k = len(self.a)
        a = jnp.stack(entries, -1)
        propagator = jsl.expm(dt * a.reshape(*a.shape[:-1], k, k))
        x = _arrived(self, state)
        # Sums of products and not a product of matrices: of vectors as long as the population.
        none = jnp.zeros_like(state.s)
        new = tuple(sum((propagator[..., i, j] * x[j] for j in range(k)), none) for i in range(k))
        return LinearKernelState(new, none)

    def inject(
        self, state: LinearKernelState, add: Callable[[Float[Array, "..."]], Float[Array, "..."]]
    ) -> LinearKernelState:
        # Arrivals are kept apart until the step is over, so that each is added once and not to every variable.
        return LinearKernelState(state.x, add(state.s))

    def output(self, state: LinearKernelState) -> Float[Array, "..."]:
        return sum((c * x for c, x in zip(self.c, _arrived(self, state), strict=True)), jnp.zeros_like(state.s))


def _arrived(syn: LinearKernel, state: LinearKernelState) -> Vector:
    """The variables with this step's arrivals."""
    return tuple(x + b * state.s for x, b in zip(state.x, syn.b, strict=True))
