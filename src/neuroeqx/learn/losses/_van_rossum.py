"""A distance of spike trains."""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._spikes import SpikeArray


def van_rossum(spikes: SpikeArray, target: SpikeArray, *, tau: float, dt: float) -> Float[Array, "*batch"]:
    r"""The squared distance of spike trains with an exponential kernel (van Rossum 2001), summed over neurons:

    $$D^2 = \frac{1}{\tau} \int_0^\infty (f(t) - g(t))^2\, dt, \quad f(t) = \sum_{t_i \le t} e^{-(t - t_i) / \tau}$$

    with $f$ of the spikes, $g$ of the target. One spike that the other train lacks makes 1/2, one that is late by $d$ makes
    $1 - e^{-d / \tau}$.

    Between steps the difference of the traces decays as $x\, e^{-t / \tau}$, so that the integral of a step is
    $\tau x^2 (1 - e^{-2 dt / \tau}) / 2$, and that of all time after the last one $\tau x^2 / 2$: there is no error of
    discretisation, and no end that cuts the traces.

    **Arguments:**

    - `spikes`, `target`: 0 or 1 (or counts) in every step, `[*batch, time, neurons]`.
    - `tau`: $\tau$, ms: at short ones coincidences count, at long ones numbers of spikes.
    - `dt`: the step, ms.

    **Returns:** dimensionless, `[*batch]`. Derivatives are those of the spikes (surrogates).
    """
    for name, value in (("tau", tau), ("dt", dt)):
        if not value > 0.0:
            raise ValueError(f"van_rossum: `{name}` must be positive, got {value} ms.")
    difference = jnp.moveaxis(jnp.asarray(spikes) - jnp.asarray(target), -2, 0)
    keep = math.exp(-dt / tau)

    def step(x: Array, now: Array) -> tuple[Array, Array]:
        x = x * keep + now
        return x, jnp.square(x)

    last, squares = lax.scan(step, jnp.zeros_like(difference[0]), difference)
    # The last step's integral goes to infinity.
    within = squares[:-1].sum(0) * -math.expm1(-2.0 * dt / tau)
    return 0.5 * (within + jnp.square(last)).sum(-1)
