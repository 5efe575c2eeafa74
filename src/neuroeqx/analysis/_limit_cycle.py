"""Periodic orbits by shooting, their Floquet multipliers and their phase response."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from .._types import State
from ._steady_state import constant, root
from ._system import System


class LimitCycle(eqx.Module):
    """A periodic orbit.

    - `x`: a point on it.
    - `period`: ms.
    - `multipliers`: of Floquet, the eigenvalues of the derivative of the map over a period, one of which is 1; the largest
        first, `[n]`.
    - `times`, `states`: the orbit from `x` on, ms and `[samples, n]`.
    """

    x: Float[Array, " n"]
    period: Float[Array, ""]
    multipliers: Complex[Array, " n"]
    times: Float[Array, " samples"]
    states: Float[Array, "samples n"]

    @property
    def frequency(self) -> Float[Array, ""]:
        """Hz."""
        return 1000.0 / self.period

    @property
    def is_stable(self) -> bool:
        """Whether all multipliers but the one nearest to 1 lie inside the unit circle."""
        values = np.asarray(self.multipliers)
        return bool(np.all(np.abs(np.delete(values, np.argmin(np.abs(values - 1.0)))) < 1.0))


def limit_cycle(
    system: System,
    start: State | Float[Array, " n"],
    period: Any,
    *,
    rtol: float | None = None,
    max_steps: int = 4096,
    samples: int = 200,
) -> LimitCycle:
    """The periodic orbit near to a point, by shooting: a zero of $(\\varphi_T(x) - x,\\, f(x_0) \\cdot (x - x_0))$ in x and T.

    The flow $\\varphi$ is that of `diffrax.Dopri8` with adaptive steps, whose derivative Newton's method uses; the cycle may be
    unstable, as long as deviations grow by less over a period than the precision allows. The period and the point `x` are
    differentiable by the parameters of the system, forwards and backwards, once; those of multipliers and samples are cut.

    **Arguments:**

    - `start`: a state (or vector) near to the orbit, such as one that a simulation has reached.
    - `period`: about how long it is, ms.
    - `rtol`: the relative tolerance of the integration; the absolute one is the same, times 1 + the size of a variable. By
        default 1e-10 in double precision, 1e-5 in single.
    - `max_steps`: of the integration over a period.
    - `samples`: of the orbit that is returned.

    **Errors:** at run time if Newton's method finds no orbit, or only an equilibrium.
    """
    x0 = start if isinstance(start, jax.Array) and start.shape == (system.size,) else system.ravel(start)
    return _limit_cycle(system, x0, jnp.asarray(period, x0.dtype), rtol, max_steps, samples)


@eqx.filter_jit
def _limit_cycle(
    system: System,
    x0: Float[Array, " n"],
    period: Float[Array, ""],
    rtol: float | None,
    max_steps: int,
    samples: int,
) -> LimitCycle:
    x0, period, fixed = constant((x0, period, system))
    accuracy = (1e-10 if x0.dtype.itemsize > 4 else 1e-5) if rtol is None else rtol
    normal = fixed(x0) / jnp.linalg.norm(fixed(x0))
    flow = _Flow(accuracy, max_steps, diffrax.ForwardMode())

    def shooting(u: Array, system: System, flow: _Flow = flow) -> Array:
        x, period = u[:-1], u[-1]
        return jnp.append(flow(system, x, period)[0] - x, normal @ (x - x0))

    message = "limit_cycle: no periodic orbit near the start"
    u = root(shooting, jnp.append(x0, period), fixed, message)
    x, period = u[:-1], u[-1]
    still = jnp.max(jnp.abs(fixed(x)) * period) < 1e-3 * jnp.max(1.0 + jnp.abs(x))
    u = eqx.error_if(u, (period <= 0.0) | still, f"{message}, but an equilibrium or a period below zero.")
    shares = jnp.linspace(0.0, 1.0, samples, dtype=x.dtype)

    def around(x: Array) -> tuple[Array, Array]:
        states = flow(fixed, x, period, shares)
        return states[-1], states

    monodromy, states = jax.jacfwd(around, has_aux=True)(x)
    multipliers = jnp.linalg.eigvals(monodromy)
    multipliers = multipliers[jnp.argsort(-jnp.abs(multipliers))]
    # One step of Newton's method, which moves nothing and has the derivative of the implicit function theorem. Flows that
    # are differentiated backwards take longer to compile, so only this one is.
    jacobian = jnp.block(
        [[monodromy - jnp.eye(x.size, dtype=x.dtype), fixed(x)[:, None]], [normal[None], jnp.zeros((1, 1), x.dtype)]]
    )
    either_way = _Flow(accuracy, max_steps, diffrax.DirectAdjoint())
    u = u - jnp.linalg.solve(jacobian, shooting(u, system, either_way))
    return LimitCycle(u[:-1], u[-1], multipliers, shares * period, states)


class _Flow(eqx.Module):
    """The states at parts of a duration, `[shares, n]`; at its end by default."""

    rtol: float = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    adjoint: diffrax.AbstractAdjoint

    def __call__(
        self, system: System, x: Float[Array, " n"], duration: Float[Array, ""], shares: Array | None = None
    ) -> Float[Array, "shares n"]:
        scale = lax.stop_gradient(1.0 + jnp.abs(x))
        field = lambda s, z, args: duration * system(z * scale) / scale
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Dopri8(),
            0.0,
            1.0,
            None,
            x / scale,
            saveat=diffrax.SaveAt(t1=True) if shares is None else diffrax.SaveAt(ts=shares),
            stepsize_controller=diffrax.PIDController(rtol=self.rtol, atol=self.rtol),
            adjoint=self.adjoint,
            max_steps=self.max_steps,
            # Infinite where they do not suffice, of which `root` speaks.
            throw=False,
        )
        return solution.ys * scale[None]  # pyright: ignore[reportOptionalOperand]
