"""Models as autonomous systems dx/dt = f(x) of a vector."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._current import as_current
from .._fields import as_shape
from .._interfaces import AbstractGradedCell, AbstractNeuron
from .._types import Current, State, Y
from ..network import Network
from ._network import NetworkField


class System(eqx.Module):
    """An autonomous system $dx/dt = f(x)$ of a vector x, the state of a model laid out flat. Made by `system`.

    - `field`: from a state (a tree) to its derivative in time, of the same structure.
    - `y0`: a state: where searches begin if nothing else is said.
    """

    field: Callable[[Y], Y]
    y0: Y

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """dx/dt, per ms."""
        return self.ravel(self.field(self.unravel(x)))

    @property
    def x0(self) -> Float[Array, " n"]:
        """`y0` as a vector."""
        return self.ravel(self.y0)

    @property
    def size(self) -> int:
        """n, the number of variables."""
        return sum(leaf.size for leaf in jtu.tree_leaves(self.y0))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the n variables: the path of each in the state, with an index where it has a shape. `"x"` if there is no path."""
        names = []
        for path, leaf in jtu.tree_leaves_with_path(self.y0):
            name = jtu.keystr(path, simple=True, separator=".") or "x"
            indices = [""] if leaf.ndim == 0 else [f"[{i}]" for i in range(leaf.size)]
            names += [name + index for index in indices]
        return tuple(names)

    def ravel(self, y: Y) -> Float[Array, " n"]:
        """A state as a vector."""
        return jnp.concatenate([jnp.reshape(leaf, -1) for leaf in jtu.tree_leaves(y)])

    def unravel(self, x: Float[Array, " n"]) -> Y:
        """A vector as a state."""
        leaves, treedef = jtu.tree_flatten(self.y0)
        parts, start = [], 0
        for leaf in leaves:
            parts.append(x[start : start + leaf.size].reshape(leaf.shape))
            start += leaf.size
        return jtu.tree_unflatten(treedef, parts)

    def index(self, name: str | int) -> int:
        """The position of a variable in the vector, by its name (or that position itself)."""
        if isinstance(name, int):
            if not 0 <= name < self.size:
                raise ValueError(f"System: there is no variable {name}; there are {self.size}.")
            return name
        if name not in self.names:
            raise ValueError(f"System: there is no variable {name!r}; there are {list(self.names)}.")
        return self.names.index(name)

    def jacobian(self, x: Float[Array, " n"]) -> Float[Array, "n n"]:
        """df/dx, per ms."""
        return jax.jacfwd(self)(x)


def system(model: Any, current: Any = None, *, y0: State | None = None, shape: int | tuple[int, ...] = ()) -> System:
    """The autonomous system of a model under a constant current.

    The reset of a neuron is no part of it, nor is noise: it is the `vector_field`. As a tree it holds the parameters of the
    model, so it may be differentiated, mapped over and edited by `eqx.tree_at`. A family of systems is
    `eqx.Partial(system, cell)`, a function of the current; of any other parameter, `eqx.Partial(f, ...)` of a function of
    yours that returns a system, with the parameter as its last argument.

    **Arguments:**

    - `model`: a neuron or graded cell; a `Network` without delays (see below); or a function from a state to its
        derivative in time, per ms, such as `eqx.Partial(f, parameters)`.
    - `current`: of a cell, a number, array or function of the voltage; of a network, numbers or arrays by population;
        none by default.
    - `y0`: a state, needed for a function; otherwise that of `init`.
    - `shape`: of a cell, its parameters being arrays.

    A network is what its step becomes for small dt: populations of graded cells reached through receptors
    `Receptor(Instant(), ...)`, or of any cells coupled by their voltages. The state is a dictionary of cells' states.

    **Errors:** `TypeError` for models that are none of these; `ValueError` for networks with delays, sources, spikes, releases,
    plasticity or kinetics, whose state is more than that of their cells.
    """
    if isinstance(model, Network):
        if current is not None and not isinstance(current, Mapping):
            raise TypeError(f"system: the `current` of a network is a dictionary by population, got {current!r}.")
        field = NetworkField(model, {} if current is None else dict(current))
        start = field.init() if y0 is None else y0
    elif isinstance(model, AbstractNeuron | AbstractGradedCell):
        field = CellField(model, as_current(current))
        start = model.init(as_shape("system", shape)) if y0 is None else y0
    elif callable(model) and not isinstance(model, type):
        if y0 is None:
            raise ValueError("system: a function needs `y0`, a state that shows its structure.")
        if current is not None:
            raise ValueError("system: a function takes no `current`: let it be a part of the function.")
        field, start = model, y0
    else:
        raise TypeError(
            f"system: `model` must be a neuron, a graded cell, a Network or a function, got {type(model).__name__}."
        )
    return System(field, _checked(jtu.tree_map(jnp.asarray, start)))


class CellField(eqx.Module):
    """The vector field of a cell under a current."""

    cell: AbstractNeuron | AbstractGradedCell
    current: Current

    def __call__(self, y: Y) -> Y:
        return self.cell.vector_field(0.0, y, self.current)


def _checked(y: State) -> State:
    dtypes = {str(leaf.dtype) for leaf in jtu.tree_leaves(y)}
    if len(dtypes) != 1 or not all(eqx.is_inexact_array(leaf) for leaf in jtu.tree_leaves(y)):
        raise TypeError(f"system: the variables of a state must be floating-point numbers of one kind, got {dtypes}.")
    return y
