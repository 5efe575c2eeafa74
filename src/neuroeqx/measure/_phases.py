"""Phases of oscillations, and how far they agree."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._series import check_series


def phases(x: Float[Array, "time ..."]) -> Float[Array, "time ..."]:
    """The instantaneous phase of each series, rad: that of its analytic signal, by Hilbert's transform, without its mean.

    Filter before (`bandpass`): a phase has a meaning for oscillations in a narrow band. Differentiable.

    **Arguments:**

    - `x`: `[time, ...]`.
    """
    check_series("phases", "x", x)
    n = x.shape[0]
    # Twice the positive frequencies, without the mean.
    gain = np.zeros(n)
    gain[1 : (n + 1) // 2] = 2.0
    if n % 2 == 0:
        gain[n // 2] = 1.0
    spectrum = jnp.fft.fft(x, axis=0)
    gain = jnp.asarray(gain, spectrum.dtype).reshape(-1, *(1,) * (x.ndim - 1))
    analytic = jnp.fft.ifft(spectrum * gain, axis=0)
    return jnp.arctan2(jnp.imag(analytic), jnp.real(analytic))


def order_parameter(theta: Float[Array, "... oscillators"]) -> Float[Array, "..."]:
    r"""Kuramoto's order parameter $|\frac1n \sum_j e^{i \theta_j}|$ over the last axis: 1 where all phases are the same.

    **Arguments:**

    - `theta`: phases, rad.
    """
    c, s = jnp.mean(jnp.cos(theta), axis=-1), jnp.mean(jnp.sin(theta), axis=-1)
    square = c * c + s * s
    there = square > 0.0
    return jnp.where(there, jnp.sqrt(jnp.where(there, square, 1.0)), 0.0)
