"""Readouts by ridge regression."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float, Int

from .._fields import as_parameter
from .._types import is_tracer
from ._errors import mean_squared


class Readout(eqx.Module):
    """A linear readout `x @ weights + bias`, made by `ridge` (Hoerl & Kennard 1970).

    **Arguments:**

    - `weights`: `[features, outputs]`, in the unit of what is read per unit of a feature.
    - `bias`: `[outputs]`, in the unit of what is read.
    """

    weights: Float[Array, "features outputs"]
    bias: Float[Array, " outputs"]

    def __call__(self, x: Float[Array, "*batch features"]) -> Float[Array, "*batch outputs"]:
        product = jnp.matmul(x, self.weights, precision="highest")
        return product + jnp.broadcast_to(self.bias, product.shape)

    def classes(self, x: Float[Array, "*batch features"]) -> Int[Array, "*batch"]:
        """Which output is largest."""
        return jnp.argmax(self(x), axis=-1)


class Validated(eqx.Module):
    """What `ridge_by_validation` found.

    - `readout`: that of the penalty with the least error on the held-out data.
    - `penalty`: that penalty.
    - `errors`: on the held-out data, for each penalty in the order given.
    """

    readout: Readout
    penalty: Float[Array, ""]
    errors: Float[Array, " penalties"]


def ridge(x: Float[Array, "..."], y: Float[Array, "..."], penalty: Any) -> Readout:
    r"""The readout that minimises $\sum_i |y_i - b - x_i W|^2 + \alpha\, |W|^2$ (Hoerl & Kennard 1970), in closed form.

    The bias bears no penalty. Solved by a Cholesky factorisation of features x features numbers, or of samples x samples if
    there are fewer of those. Works inside `jax.jit`, `grad` and `vmap`.

    **Arguments:**

    - `x`: features, `[samples, features]`.
    - `y`: what the readout should be, `[samples, outputs]`; for classes `jax.nn.one_hot(labels, classes)`.
    - `penalty`: $\alpha$, positive, in the unit of a squared feature.

    **Errors:** the run fails where the penalty is too small for the precision: features that nearly depend on each other
    need one above some 1e-6 (float32) of the sum of all squared features.
    """
    _check("ridge", x, y)
    penalty = _penalties("ridge", penalty, 0)
    readout = _Normal.of(x, y).solve(penalty)
    weights = eqx.error_if(
        readout.weights,
        ~jnp.all(jnp.isfinite(readout.weights)),
        "ridge: the normal equations are singular in this precision: raise `penalty`, or use float64.",
    )
    return Readout(weights, readout.bias)


def ridge_by_validation(
    train: tuple[Float[Array, "..."], Float[Array, "..."]],
    held_out: tuple[Float[Array, "..."], Float[Array, "..."]],
    penalties: Sequence[float] | Float[Array, " penalties"],
    *,
    error: Callable[[Array, Array], Float[Array, ""]] = mean_squared,
) -> Validated:
    """`ridge` on one set of data with the penalty that is best on another.

    Of equally good penalties the largest is chosen. One that is too small for the precision counts as worst.

    **Arguments:**

    - `train`, `held_out`: features and what the readout should be, as in `ridge`.
    - `penalties`: at least one, each positive.
    - `error`: of predictions and what they should be, both `[others, outputs]`: `mean_squared`, `misclassified`, `nrmse`.
    """
    for (x, y), name in ((train, "train"), (held_out, "held_out")):
        _check(f"ridge_by_validation, `{name}`", x, y)
    penalties = _penalties("ridge_by_validation", penalties, 1)
    normal, (x, y) = _Normal.of(*train), held_out
    # One after the other: side by side they would take the memory of as many matrices.
    readouts, errors = lax.map(lambda penalty: _tried(normal, penalty, x, y, error), penalties)
    best = jnp.argmax(jnp.where(errors == errors.min(), penalties, 0.0))
    return Validated(Readout(readouts.weights[best], readouts.bias[best]), penalties[best], errors)


def _tried(normal: "_Normal", penalty: Array, x: Array, y: Array, error: Any) -> tuple[Readout, Array]:
    readout = normal.solve(penalty)
    found = error(readout(x), y)
    return readout, jnp.where(jnp.isfinite(found), found, jnp.inf)


class _Normal(eqx.Module):
    """The normal equations of centred data, in their smaller form."""

    x: Array
    y: Array
    x_mean: Array
    y_mean: Array
    products: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> "_Normal":
        x_mean, y_mean = x.mean(0, keepdims=True), y.mean(0, keepdims=True)
        x, y = x - x_mean, y - y_mean
        a, b = (x, x.T) if x.shape[0] < x.shape[1] else (x.T, x)
        return cls(x, y, x_mean, y_mean, jnp.matmul(a, b, precision="highest"))

    def solve(self, penalty: Array) -> Readout:
        n = self.products.shape[0]
        root = jnp.linalg.cholesky(self.products + penalty * jnp.eye(n, dtype=self.x.dtype), symmetrize_input=False)
        times = lambda a, b: jnp.matmul(a, b, precision="highest")
        if self.x.shape[0] < self.x.shape[1]:
            weights = times(self.x.T, cho_solve((root, True), self.y))
        else:
            weights = cho_solve((root, True), times(self.x.T, self.y))
        return Readout(weights, (self.y_mean - times(self.x_mean, weights))[0])


def _check(whose: str, x: Array, y: Array) -> None:
    if x.ndim != 2 or y.ndim != 2 or x.shape[0] != y.shape[0] or not x.shape[0]:
        raise ValueError(
            f"{whose}: features must be [samples, features] and what they should give [samples, outputs], with at least one "
            f"sample; got shapes {x.shape} and {y.shape}."
        )


def _penalties(whose: str, given: Any, ndim: int) -> Array:
    value = as_parameter(given)
    what = "`penalty` must be one number" if ndim == 0 else "`penalties` must be a list of numbers, at least one"
    if value.ndim != ndim or not value.size:
        raise ValueError(f"{whose}: {what}, got shape {value.shape}.")
    if not is_tracer(value) and not np.all(np.asarray(value) > 0.0):
        raise ValueError(f"{whose}: a penalty must be positive, got {np.asarray(value).min():g}.")
    return value
