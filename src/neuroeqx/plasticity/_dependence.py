r"""How changes depend on the weight.

The weight counts as $u = (w - w_{min}) / (w_{max} - w_{min})$, from 0 to 1.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative
from .._fields import check_finite, param
from .._types import Parameter


class AbstractDependence(eqx.Module):
    """Factors of potentiation and depression."""

    # Whether the weight counts, so that both its limits must be given.
    needs_limits: ClassVar[bool] = True

    @abc.abstractmethod
    def up(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """That of potentiation at the weight `u`."""

    @abc.abstractmethod
    def down(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """That of depression."""

    def __check_init__(self) -> None:
        check_finite(self)


class Additive(AbstractDependence):
    """Changes do not depend on the weight (Song, Miller & Abbott 2000)."""

    needs_limits: ClassVar[bool] = False

    def up(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.ones_like(u)

    def down(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.ones_like(u)


class Multiplicative(AbstractDependence):
    r"""Potentiation in proportion to $1 - u$, depression to $u$ (Rubin, Lee & Sompolinsky 2001)."""

    def up(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return 1.0 - u

    def down(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return u


class PowerLaw(AbstractDependence):
    r"""Potentiation in proportion to $(1 - u)^{\mu_+}$, depression to $u^{\mu_-}$ (Gütig et al. 2003): additive with 0,
    multiplicative with 1.

    At a limit, where the derivative of a power below 1 is infinite, the derivative towards the weight counts as zero.

    **Arguments:**

    - `mu_plus`, `mu_minus`: exponents, not negative, dimensionless.
    """

    mu_plus: Parameter = param(0.1)
    mu_minus: Parameter = param(0.1)

    def __check_init__(self) -> None:
        check_not_negative(self, "mu_plus", "mu_minus")

    def up(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return _power(1.0 - u, self.mu_plus)

    def down(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        return _power(u, self.mu_minus)


def _power(base: Float[Array, "..."], exponent: Any) -> Float[Array, "..."]:
    """With 0^0 = 1, and finite derivatives at 0."""
    positive = base > 0.0
    at_zero = jnp.where(exponent > 0.0, 0.0, 1.0).astype(base.dtype)
    return jnp.where(positive, jnp.exp(exponent * jnp.log(jnp.where(positive, base, 1.0))), at_zero)
