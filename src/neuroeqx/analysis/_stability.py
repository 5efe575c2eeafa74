"""What eigenvalues say of an equilibrium."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ._system import System


class Stability(eqx.Module):
    """The linearisation of a system at an equilibrium.

    - `eigenvalues`: of the Jacobian, 1/ms, the one of largest real part first.
    - `kind`: as `classify` names it.
    """

    eigenvalues: np.ndarray
    kind: str = eqx.field(static=True)

    @property
    def is_stable(self) -> bool:
        """Whether small deviations decay."""
        return bool(np.all(np.real(self.eigenvalues) < 0.0))


def stability(system: System, x: Float[Array, " n"]) -> Stability:
    """The eigenvalues at an equilibrium, and its kind.

    **Arguments:**

    - `x`: a point as a vector, such as one of `fixed_points`; `system.ravel(y)` of a state.
    """
    found = np.asarray(_eigenvalues(system, jnp.asarray(x)))
    return Stability(found, classify(found))


@eqx.filter_jit
def _eigenvalues(system: System, x: Float[Array, " n"]) -> Complex[Array, " n"]:
    return eigenvalues(system, x)


def eigenvalues(system: System, x: Float[Array, " n"]) -> Complex[Array, " n"]:
    """Of the Jacobian, the one of largest real part first."""
    values = jnp.linalg.eigvals(system.jacobian(x))
    return values[jnp.lexsort((-values.imag, -values.real))]


def classify(eigenvalues: Complex[np.ndarray, " n"] | Complex[Array, " n"], tolerance: float = 1e-6) -> str:
    """The kind of an equilibrium, in any number of dimensions.

    `"stable node"` or `"unstable node"` where all eigenvalues are real and of one sign, `"stable focus"` or `"unstable focus"`
    where some are complex, `"saddle"` or, with complex ones, `"saddle focus"` where there are both signs, `"centre"` where
    all real parts vanish and the imaginary ones do not, `"non-hyperbolic"` where others do.

    **Arguments:**

    - `tolerance`: what counts as zero, relative to the largest absolute value of an eigenvalue. (In single precision 1e-6 is
        rounding.)
    """
    values = np.asarray(eigenvalues, np.complex128)
    zero = tolerance * np.max(np.abs(values), initial=0.0)
    turning = np.abs(values.imag) > zero
    if np.any(np.abs(values.real) <= zero):
        return "centre" if np.all((np.abs(values.real) <= zero) & turning) else "non-hyperbolic"
    grows = values.real > 0.0
    if grows.any() and not grows.all():
        return "saddle focus" if turning.any() else "saddle"
    return ("unstable " if grows.all() else "stable ") + ("focus" if turning.any() else "node")
