"""Parameters within bounds, whatever an optimiser does to them."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._fields import as_parameter, check_finite
from .._types import is_tracer, Key


class AbstractConstraint(eqx.Module):
    """A parameter that is trained as another, unconstrained one: `value` is what it stands for.

    It takes the place of the parameter in a model; `resolve(model)`, or the wrapper `Constrained(layer)`, puts values back.
    """

    @property
    @abc.abstractmethod
    def value(self) -> Float[Array, "..."]:
        """The parameter."""


class Positive(AbstractConstraint):
    r"""A positive parameter, $\log(1 + e^{raw})$, that begins with `value`.

    **Arguments:**

    - `value`: positive, of any shape.
    """

    raw: Float[Array, "..."]

    def __init__(self, value: Any):
        value = as_parameter(value)
        if not is_tracer(value) and np.any(np.asarray(value) <= 0.0):
            raise ValueError(f"Positive: `value` must be positive, got {np.asarray(value).min():g}.")
        self.raw = value + jnp.log(-jnp.expm1(-value))

    def __check_init__(self) -> None:
        check_finite(self)

    @property
    def value(self) -> Float[Array, "..."]:
        return jax.nn.softplus(self.raw)


class Bounded(AbstractConstraint):
    r"""A parameter between two bounds, $low + (high - low) / (1 + e^{-raw})$, that begins with `value`.

    **Arguments:**

    - `value`: of any shape, strictly between the bounds.
    - `low`, `high`: numbers, not trained.
    """

    raw: Float[Array, "..."]
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    def __init__(self, value: Any, low: float, high: float):
        value = as_parameter(value)
        if not low < high:
            raise ValueError(f"Bounded: `low` must lie below `high`, got {low} and {high}.")
        if not is_tracer(value) and not np.all((np.asarray(value) > low) & (np.asarray(value) < high)):
            raise ValueError(f"Bounded: `value` must lie between {low} and {high}, without these, got {value}.")
        self.low, self.high = float(low), float(high)
        part = (value - self.low) / (self.high - self.low)
        self.raw = jnp.log(part) - jnp.log1p(-part)

    def __check_init__(self) -> None:
        check_finite(self)

    @property
    def value(self) -> Float[Array, "..."]:
        return self.low + (self.high - self.low) * jax.nn.sigmoid(self.raw)


class Dale(AbstractConstraint):
    r"""Weights that obey Dale's law: all outgoing weights of a neuron have its sign, $|raw|$ times the sign.

    Absolute values begin with exactly the given weights, and a weight that an optimiser pushes through zero comes out on the
    side that is allowed, so that it can grow again.

    **Arguments:**

    - `value`: the initial weights; their absolute values count.
    - `signs`: 1 (excitatory) or -1 (inhibitory) for each presynaptic neuron.
    - `axis`: that of presynaptic neurons: 1 for `eqx.nn.Linear` (the default), 0 for the matrices of `connect`.
    - `mask`: true where there is a synapse; by default everywhere. `"no autapses"`: not from a neuron to itself.
    """

    raw: Float[Array, "..."]
    signs: Int[Array, "..."]  # whole numbers and truth values, so they are not trained
    mask: Bool[Array, "..."] | None

    def __init__(self, value: Any, signs: Any, *, axis: int = 1, mask: Any = None):
        self.raw = jnp.abs(as_parameter(value))
        if self.raw.ndim != 2 or axis not in (0, 1):
            raise ValueError(f"Dale: weights have two axes, got the shape {self.raw.shape} and axis={axis}.")
        given = np.asarray(signs)
        if given.shape != (self.raw.shape[axis],) or not np.all(np.abs(given) == 1):
            raise ValueError(
                f"Dale: `signs` must be 1 or -1 for each of the {self.raw.shape[axis]} presynaptic neurons, got {signs!r}."
            )
        self.signs = jnp.asarray(given.reshape((1, -1) if axis else (-1, 1)), jnp.int8)
        if isinstance(mask, str):
            if mask != "no autapses" or self.raw.shape[0] != self.raw.shape[1]:
                raise ValueError(f"Dale: `mask` is an array or 'no autapses', for a square matrix, got {mask!r}.")
            mask = ~np.eye(self.raw.shape[0], dtype=bool)
        if mask is not None and np.shape(mask) != self.raw.shape:
            raise ValueError(f"Dale: `mask` has the shape {np.shape(mask)}, the weights {self.raw.shape}.")
        self.mask = None if mask is None else jnp.asarray(mask, bool)

    def __check_init__(self) -> None:
        check_finite(self)

    @property
    def value(self) -> Float[Array, "..."]:
        signed = jnp.abs(self.raw) * self.signs.astype(self.raw.dtype)
        return signed if self.mask is None else jnp.where(self.mask, signed, jnp.zeros_like(signed))


def resolve(model: Any) -> Any:
    """A model with the values of its constrained parameters in their places."""
    constrained = lambda x: isinstance(x, AbstractConstraint)
    return jtu.tree_map(lambda x: x.value if constrained(x) else x, model, is_leaf=constrained)


class Constrained(eqx.Module):
    """A layer whose parameters are constrained, called as the layer is.

    ```python
    linear = eqx.nn.Linear(100, 100, use_bias=False, key=key)
    recurrent = Constrained(eqx.tree_at(lambda l: l.weight, linear, Dale(linear.weight, signs, mask="no autapses")))
    layer = Recurrent(connect, recurrent, LIF())
    ```

    **Arguments:**

    - `layer`: with an `AbstractConstraint` where it had a parameter.
    """

    layer: Any

    def __check_init__(self) -> None:
        leaves = jtu.tree_leaves(self.layer, is_leaf=lambda x: isinstance(x, AbstractConstraint))
        if not any(isinstance(leaf, AbstractConstraint) for leaf in leaves):
            raise TypeError(
                f"Constrained: no parameter of `layer`, {type(self.layer).__name__}, is constrained; put one in its place with "
                "eqx.tree_at, e.g. Dale(weight, signs)."
            )

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        layer = resolve(self.layer)
        return layer(x) if key is None else layer(x, key=key)
