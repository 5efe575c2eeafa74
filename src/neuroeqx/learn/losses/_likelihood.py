"""Likelihoods of recordings, for fits and for samplers of posteriors."""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ..._current import as_current
from ..._types import Y
from ...neurons import EscapeRate


def spike_log_likelihood(cell: Any, spikes: Any, current: Any, *, dt: float, state: Y = None) -> Float[Array, "..."]:
    r"""The logarithm of the probability that a cell which fires by chance fires as recorded (Paninski 2004):

    $$\sum_t s_t \log(1 - e^{-dt\, \rho_t}) - (1 - s_t)\, dt\, \rho_t$$

    with the hazard $\rho_t$ of `EscapeRate` at the end of step t, of a cell that has been reset at the recorded spikes before.
    A plain function, differentiable towards all parameters of the cell: as it is the log-density of NumPyro's
    `factor` and of BlackJAX's samplers, to which log-densities of priors are added.

    **Arguments:**

    - `cell`: `EscapeRate(...)`.
    - `spikes`: recorded, 0 or 1 in every step, `[time, *cells]`.
    - `current`: into the cell in every step, in its unit, `[time, *cells]` or what broadcasts against it.
    - `dt`: the step, ms.
    - `state`: at the beginning, `cell.init` by default.

    **Returns:** a number for each cell, `[*cells]`.
    """
    if not isinstance(cell, EscapeRate):
        raise TypeError(f"spike_log_likelihood: `cell` must be EscapeRate(...), got {type(cell).__name__}.")
    if not dt > 0.0:
        raise ValueError(f"spike_log_likelihood: `dt` must be positive, got {dt} ms.")
    recorded = jnp.asarray(spikes, dtype=float)
    given = jnp.broadcast_to(jnp.asarray(current, dtype=float), recorded.shape)
    y = cell.init(recorded.shape[1:]) if state is None else state

    def step(carry: tuple[Y, Array], now: tuple[Array, Array]) -> tuple[tuple[Y, Array], None]:
        y, total = carry
        spike, x = now
        after = cell.integrate(y, as_current(x), dt=dt)
        exposure = dt * cell.rate * jnp.exp(jnp.minimum(cell.cell.threshold(after) / cell.delta, 20.0))
        total = total + spike * jnp.log(-jnp.expm1(-exposure)) - (1.0 - spike) * exposure
        return (cell.cell.reset(after, spike), total), None

    (_, total), _ = lax.scan(step, (y, jnp.zeros_like(recorded[0])), (recorded, given))
    return total


def gaussian_log_likelihood(trace: Any, recorded: Any, sigma: Any) -> Float[Array, ""]:
    r"""The logarithm of the density of a recording that is a trace with independent Gaussian noise in every sample:
    $-\frac12 \sum ((x - r) / \sigma)^2 - n \log(\sigma \sqrt{2 \pi})$.

    **Arguments:**

    - `trace`: of the model, of any shape.
    - `recorded`: of the same shape; samples that are not numbers are left out.
    - `sigma`: standard deviation of the noise, positive, in the unit of the trace; may be a parameter too.
    """
    x, r = jnp.asarray(trace), jnp.asarray(recorded, dtype=float)
    if x.shape != r.shape:
        raise ValueError(f"gaussian_log_likelihood: `trace` has shape {x.shape}, `recorded` {r.shape}.")
    there = ~jnp.isnan(r)
    z = jnp.where(there, x - jnp.where(there, r, 0.0), 0.0) / sigma
    n = jnp.sum(there.astype(x.dtype))
    return -0.5 * jnp.sum(jnp.square(z)) - n * (jnp.log(sigma) + 0.5 * math.log(2.0 * math.pi))
