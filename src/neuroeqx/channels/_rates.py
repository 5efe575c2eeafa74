"""The shapes that rates, steady states and time constants of gates have as functions of the voltage or of a concentration."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import check_finite, param
from .._math import exprel_inverse
from .._types import is_tracer, Parameter


# Far from where any membrane gets. Squares of e^40 are finite in single precision, so that derivatives of quotients are.
_LIMIT = 40.0


def bounded_exp(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """$e^x$, finite with finite derivatives."""
    return jnp.exp(jnp.clip(x, -_LIMIT, _LIMIT))


def check_not_zero(module: eqx.Module, *names: str) -> None:
    """Raise a `ValueError` naming the first of these parameters that is zero somewhere; traced ones pass."""
    for name in names:
        value = getattr(module, name)
        if eqx.is_array(value) and not is_tracer(value) and np.any(np.asarray(value) == 0.0):
            raise ValueError(f"{type(module).__name__}: `{name}` must not be zero: it divides.")


class AbstractRate(eqx.Module):
    """A function of the voltage, or of a voltage and a concentration."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        """The value at voltage `v` (mV) and concentration `c` (mM), elementwise."""


class Constant(AbstractRate):
    """The same at all voltages, as the unblocking rates of Destexhe et al. (1994).

    **Arguments:**

    - `value`: in the unit of what it stands for.
    """

    value: Parameter = param()

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        return self.value * jnp.ones_like(v)


class Boltzmann(AbstractRate):
    r"""$b + \frac{a}{1 + e^{-(v - v_{1/2}) / k}}$ (Hodgkin & Huxley 1952): rises with the voltage where k is positive.

    **Arguments:**

    - `v_half`: $v_{1/2}$, where it is half of the way, mV.
    - `k`: the slope, of either sign, mV.
    - `height`: $a$, in the unit of what it stands for.
    - `base`: $b$, in the unit of what it stands for.
    """

    v_half: Parameter = param()
    k: Parameter = param()
    height: Parameter = param(1.0)
    base: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_zero(self, "k")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        return self.base + self.height / (1.0 + bounded_exp((self.v_half - v) * (1.0 / self.k)))


class Exponential(AbstractRate):
    r"""$b + a\, e^{(v - v_0) / k}$ (Hodgkin & Huxley 1952).

    **Arguments:**

    - `height`: $a$, in the unit of what it stands for.
    - `v_0`: $v_0$, mV.
    - `k`: the voltage of an e-fold change, of either sign, mV.
    - `base`: $b$, in the unit of what it stands for.
    """

    height: Parameter = param()
    v_0: Parameter = param()
    k: Parameter = param()
    base: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_zero(self, "k")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        return self.base + self.height * bounded_exp((v - self.v_0) * (1.0 / self.k))


class Linoid(AbstractRate):
    r"""$a\, \frac{x}{1 - e^{-x}}$ with $x = (v - v_0) / k$, and its limit $a$ at $v_0$ (Hodgkin & Huxley 1952).

    **Arguments:**

    - `height`: $a$, the rate at $v_0$; the coefficient of $v - v_0$ in most papers is $a / k$, 1/ms.
    - `v_0`: $v_0$, mV.
    - `k`: the slope, of either sign, mV.
    """

    height: Parameter = param()
    v_0: Parameter = param()
    k: Parameter = param()

    def __check_init__(self) -> None:
        check_not_zero(self, "k")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        return self.height * exprel_inverse((self.v_0 - v) * (1.0 / self.k))


class Bell(AbstractRate):
    r"""$b + \frac{a}{e^{(v - v_1) / k_1} + e^{(v - v_2) / k_2}}$, the time constant between two rates that are exponentials
    (Huguenard & McCormick 1992).

    **Arguments:**

    - `height`: $a$, ms.
    - `v_1`, `v_2`: mV.
    - `k_1`, `k_2`: voltages of an e-fold change, of different signs for a bell, mV.
    - `base`: $b$, ms.
    """

    height: Parameter = param()
    v_1: Parameter = param()
    k_1: Parameter = param()
    v_2: Parameter = param()
    k_2: Parameter = param()
    base: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_zero(self, "k_1", "k_2")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        one, other = (v - self.v_1) * (1.0 / self.k_1), (v - self.v_2) * (1.0 / self.k_2)
        return self.base + self.height / (bounded_exp(one) + bounded_exp(other))


class Gaussian(AbstractRate):
    r"""$b + (a + s\, (v - v_1))\, e^{-((v - v_0) / w)^2}$ (Korngreen & Sakmann 2000).

    **Arguments:**

    - `height`: $a$, ms.
    - `v_0`: $v_0$, mV.
    - `width`: $w$, mV.
    - `base`: $b$, ms.
    - `tilt`: $s$, ms/mV.
    - `v_1`: $v_1$, mV.
    """

    height: Parameter = param()
    v_0: Parameter = param()
    width: Parameter = param()
    base: Parameter = param(0.0)
    tilt: Parameter = param(0.0)
    v_1: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_zero(self, "width")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        del c
        x = (v - self.v_0) * (1.0 / self.width)
        return self.base + (self.height + self.tilt * (v - self.v_1)) * bounded_exp(-(x * x))


class Raised(AbstractRate):
    """A power of a function, as the steady state of K2 of Huguenard & McCormick (1992).

    **Arguments:**

    - `base`: a function as the others here.
    - `n`: the power, a whole number.
    """

    base: Callable[..., Array]
    n: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        if not isinstance(self.n, int) or isinstance(self.n, bool) or self.n < 1:
            raise ValueError(f"Raised: `n` must be a whole number of at least 1, got {self.n!r}.")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        return self.base(v) ** self.n if c is None else self.base(v, c) ** self.n


class Piecewise(AbstractRate):
    """One function below a voltage and another one from there on, as time constants of Huguenard & McCormick (1992).

    **Arguments:**

    - `below`, `above`: functions as the others here.
    - `v_switch`: mV.
    """

    below: Callable[..., Array]
    above: Callable[..., Array]
    v_switch: Parameter = param()

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        where = (v,) if c is None else (v, c)
        return jnp.where(v < self.v_switch, self.below(*where), self.above(*where))


class TauOfRates(AbstractRate):
    r"""$\frac{a}{\alpha + \beta}$, the time constant of two rates (Hodgkin & Huxley 1952).

    **Arguments:**

    - `alpha`, `beta`: functions as the others here.
    - `height`: $a$, dimensionless.
    """

    alpha: Callable[..., Array]
    beta: Callable[..., Array]
    height: Parameter = param(1.0)

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        where = (v,) if c is None else (v, c)
        return self.height / (self.alpha(*where) + self.beta(*where))


class Hill(AbstractRate):
    r"""$\frac{a}{1 + (K / c)^n}$ of a concentration $c$ (Hill 1910).

    **Arguments:**

    - `half`: $K$, the concentration of half of the height, positive, mM.
    - `n`: Hill's coefficient, positive, dimensionless.
    - `height`: $a$, in the unit of what it stands for.
    """

    half: Parameter = param()
    n: Parameter = param(1.0)
    height: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "half", "n")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        x = self.n * (jnp.log(self.half) - jnp.log(_concentration(self, c)))
        return self.height / (1.0 + bounded_exp(x)) * jnp.ones_like(v)


class Binding(AbstractRate):
    r"""$a\, (c / c_0)^n$ of a concentration $c$: the rate at which n ions bind (Destexhe et al. 1994).

    **Arguments:**

    - `height`: $a$, 1/ms.
    - `c_0`: $c_0$, the concentration of that rate, positive, mM.
    - `n`: a whole number of ions.
    """

    height: Parameter = param()
    c_0: Parameter = param(1.0)
    n: int = eqx.field(default=1, static=True)

    def __check_init__(self) -> None:
        check_positive(self, "c_0")
        if not isinstance(self.n, int) or isinstance(self.n, bool) or self.n < 1:
            raise ValueError(f"Binding: `n` must be a whole number of ions, at least 1, got {self.n!r}.")

    def __call__(self, v: Float[Array, "..."], c: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
        return self.height * (_concentration(self, c) * (1.0 / self.c_0)) ** self.n * jnp.ones_like(v)


def _concentration(rate: AbstractRate, c: Float[Array, "..."] | None) -> Float[Array, "..."]:
    if c is None:
        raise ValueError(f"{type(rate).__name__} is a function of a concentration: give the channel `senses='ca'`.")
    # A pool stays above zero; a guess of a fit, or a step that is too long, may not.
    return jnp.maximum(c, 1e-9)
