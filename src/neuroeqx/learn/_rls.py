"""Recursive least squares."""

import functools

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from .._checks import check_fraction, check_positive
from .._fields import check_finite, param
from .._types import Parameter


# On GPUs products of single precision are rounded to 10 bits unless asked not to, and errors of the matrix P accumulate.
_product = functools.partial(jnp.matmul, precision="highest")


class RLSState(eqx.Module):
    """The inverse `p` of the regularised correlation matrix of the features, and the `weights` learnt so far."""

    p: Float[Array, "features features"]
    weights: Float[Array, "features outputs"]


class RLS(eqx.Module):
    r"""Recursive least squares with forgetting (Plackett 1950; Haykin 2002, chapter 9).

    After n samples the weights are exactly those that minimise

    $\sum_i \lambda^{n - i}\, |y_i - x_i W|^2 + \lambda^n \alpha\, |W - W_0|^2$,

    so for $\lambda = 1$ those of ridge regression with the penalty $\alpha$; $P$ begins as $I / \alpha$. (Where a paper
    writes $P_0 = \alpha I$, its $\alpha$ is one over this one.) A sample costs some 5 features^2 operations.

    A pure function of a small state, for `jax.lax.scan` over samples: `scan(lambda s, xy: rls.update(s, *xy), state, (x, y))`.
    Several samples at once (`[batch, features]`) give what they give one by one, faster: a Cholesky factorisation of the size
    of the batch takes the place of a division (Woodbury's formula).

    **Arguments:**

    - `alpha`: penalty of the weights $\alpha$, in the unit of a squared feature.
    - `forgetting`: $\lambda$, above 0 and at most 1, dimensionless. Below 1 features that are no longer seen let $P$ grow as
        $\lambda^{-n}$, without limit.
    """

    alpha: Parameter = param(1.0)
    forgetting: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_finite(self)
        check_positive(self, "alpha")
        check_fraction(self, "forgetting")
        for name in ("alpha", "forgetting"):
            if getattr(self, name).ndim:
                raise ValueError(f"RLS: `{name}` must be one number, got shape {getattr(self, name).shape}.")

    def init(self, features: int, outputs: int) -> RLSState:
        """Nothing learnt: $P = I / \\alpha$ and weights of zero, which `eqx.tree_at` may replace by others, $W_0$."""
        eye = jnp.eye(features, dtype=self.alpha.dtype)
        return RLSState(eye / self.alpha, jnp.zeros((features, outputs), self.alpha.dtype))

    def update(
        self, state: RLSState, x: Float[Array, "..."], y: Float[Array, "..."]
    ) -> tuple[RLSState, Float[Array, "..."]]:
        """Learn from one sample, or from a batch of them in the order of the first axis.

        **Arguments:**

        - `x`: features, `[features]` or `[batch, features]`.
        - `y`: what the readout should be, `[outputs]` or `[batch, outputs]`.

        **Returns:** the new state, and the errors `y - x @ weights` with the weights before.
        """
        features, outputs = state.weights.shape
        if x.ndim not in (1, 2) or x.shape[-1] != features or y.shape != (*x.shape[:-1], outputs):
            raise ValueError(
                f"RLS: `x` must be [features] or [batch, features] and `y` [outputs] or [batch, outputs], with {features} "
                f"features and {outputs} outputs; got shapes {x.shape} and {y.shape}."
            )
        error = y - _product(x, state.weights)
        block, wrong = jnp.atleast_2d(x), jnp.atleast_2d(error)
        n = block.shape[0]
        # A sample of a batch has been forgotten for as long as there are samples after it.
        remembered = jnp.sqrt(self.forgetting ** jnp.arange(n - 1, -1, -1).astype(self.forgetting.dtype))[:, None]
        block, wrong, keep = remembered * block, remembered * wrong, self.forgetting**n
        projected = _product(block, state.p)
        spread = keep * jnp.eye(n, dtype=block.dtype) + _product(projected, block.T)
        whitened, scaled = _whitened(spread, projected, wrong)
        p = (state.p - _gram(whitened)) * (1.0 / keep)
        weights = state.weights + _product(whitened.T, scaled)
        return RLSState(p, weights), error


def _whitened(spread: Float[Array, "batch batch"], *right: Float[Array, "batch _"]) -> list[Array]:
    """The inverse of the Cholesky factor of `spread` times each of the others."""
    if spread.shape[0] == 1:  # in line with what surrounds it, which is four times as fast as calling LAPACK
        return [b / jnp.sqrt(spread) for b in right]
    root = jnp.linalg.cholesky(spread, symmetrize_input=False)
    return [solve_triangular(root, b, lower=True) for b in right]


def _gram(v: Float[Array, "batch features"]) -> Float[Array, "features features"]:
    """`v.T @ v`, symmetric to the last bit, as P must stay; a matrix product need not be."""
    if v.shape[0] == 1:
        return v.T * v
    product = _product(v.T, v)
    return 0.5 * (product + product.T)
