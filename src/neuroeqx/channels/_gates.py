"""Gates of channels: variables that relax to a steady state, at rates given by the voltage."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import check_finite, param
from .._types import Parameter


class Q10(eqx.Module):
    r"""How much faster rates are at another temperature, $q^{(T - T_0) / 10}$ (Hodgkin & Huxley 1952).

    **Arguments:**

    - `factor`: $q$, that of ten degrees, positive, dimensionless.
    - `reference`: $T_0$, the temperature at which the rates were measured, degC.
    """

    factor: Parameter = param()
    reference: Parameter = param()

    def __check_init__(self) -> None:
        check_finite(self)
        check_positive(self, "factor")

    def __call__(self, celsius: Float[Array, "..."]) -> Float[Array, "..."]:
        """The factor of rates at a temperature (degC)."""
        return self.factor ** (0.1 * (celsius - self.reference))


class AbstractGate(eqx.Module):
    """One of the gates of a channel, which is open by the product of their powers."""

    power: eqx.AbstractVar[int]
    q10: eqx.AbstractVar[Q10 | None]

    def __check_init__(self) -> None:
        n = self.power
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"{type(self).__name__}: `power` must be a whole number of at least 1, got {n!r}.")
        if self.q10 is not None and not isinstance(self.q10, Q10):
            raise TypeError(f"{type(self).__name__}: `q10` must be a Q10(factor, reference), got {self.q10!r}.")

    @abc.abstractmethod
    def steady(self, *where: Float[Array, "..."]) -> Float[Array, "..."]:
        """The steady state at a voltage, or at a voltage and a concentration."""

    @abc.abstractmethod
    def relaxation(self, *where: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]] | None:
        """The pair (a, b) of $dx/dt = a - b x$, 1/ms, without the factor of temperature; `None` for a gate without inertia."""


class RateGate(AbstractGate):
    r"""A gate that opens at the rate $\alpha$ and closes at the rate $\beta$: $dx/dt = \phi\, (\alpha (1 - x) - \beta x)$,
    where $\phi$ is the factor of temperature (Hodgkin & Huxley 1952).

    **Arguments:**

    - `alpha`, `beta`: functions of the voltage (mV), such as `Linoid(...)`, or `v -> array`; of the voltage and a
        concentration (mM) where the channel `senses` one; 1/ms.
    - `power`: of the gate in the conductance, a whole number.
    - `q10`: of both rates, a `Q10`; `None` for rates that are the same at all temperatures.
    """

    alpha: Callable[..., Any]
    beta: Callable[..., Any]
    power: int = eqx.field(default=1, static=True)
    q10: Q10 | None = None

    def steady(self, *where: Float[Array, "..."]) -> Float[Array, "..."]:
        alpha = self.alpha(*where)
        return alpha / (alpha + self.beta(*where))

    def relaxation(self, *where: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        alpha = self.alpha(*where)
        return alpha, alpha + self.beta(*where)


class RelaxationGate(AbstractGate):
    r"""A gate that relaxes to $x_\infty$ within the time $\tau$: $dx/dt = \phi\, (x_\infty - x) / \tau$, where $\phi$ is the
    factor of temperature (Hodgkin & Huxley 1952).

    **Arguments:**

    - `inf`: $x_\infty$, a function as those of `RateGate`, dimensionless.
    - `tau`: $\tau$, such a function, positive, ms.
    - `power`, `q10`: as in `RateGate`.
    """

    inf: Callable[..., Any]
    tau: Callable[..., Any]
    power: int = eqx.field(default=1, static=True)
    q10: Q10 | None = None

    def steady(self, *where: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.inf(*where)

    def relaxation(self, *where: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        decay = 1.0 / self.tau(*where)
        return self.inf(*where) * decay, decay


class InstantGate(AbstractGate):
    r"""A gate that is always in its steady state $x_\infty$, and so no variable (Morris & Lecar 1981).

    **Arguments:**

    - `inf`: $x_\infty$, a function as those of `RateGate`, dimensionless.
    - `power`: as in `RateGate`.
    """

    inf: Callable[..., Any]
    power: int = eqx.field(default=1, static=True)
    q10: Q10 | None = eqx.field(default=None, init=False)  # a steady state knows no temperature

    def steady(self, *where: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.inf(*where)

    def relaxation(self, *where: Float[Array, "..."]) -> None:
        del where
