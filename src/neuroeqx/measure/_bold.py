"""The BOLD signal of recorded activity, and filters."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..fuse import scan
from ..rates import Balloon
from ._series import check_series, in_samples


def bold(
    activity: Float[Array, "time ..."], dt: float, *, tr: float | None = None, balloon: Balloon | None = None
) -> Float[Array, "samples ..."]:
    """The BOLD signal that functional imaging would see of neural activity.

    Differentiable, towards the activity and the parameters of the balloon.

    **Arguments:**

    - `activity`: one series for each area, `[time, ...]`, such as the record of a `ReducedWongWang`. It is held over each
        sample.
    - `dt`: the time between samples, ms. Some 10 ms are short enough: record with `every=`.
    - `tr`: the time between images, ms, a multiple of `dt`, which is the default.
    - `balloon`: haemodynamics; by default `Balloon()`. It begins at rest, so the first 20 s or so are best left out.

    **Returns:** the signal at the end of each `tr`, `[time dt / tr, ...]`.
    """
    check_series("bold", "activity", activity, 1)
    stride = 1 if tr is None else in_samples("bold", "tr", tr, dt)
    balloon = Balloon() if balloon is None else balloon
    state = balloon.init(activity.shape[1:])
    _, signal = scan(lambda s, x: balloon.step(s, x, dt=dt), state, activity)
    return signal[stride - 1 :: stride]


def bandpass(x: Float[Array, "time ..."], dt: float, low: float, high: float) -> Float[Array, "time ..."]:
    """The part of a series between two frequencies, both included, by a Fourier transform; without its mean if `low` > 0.

    **Arguments:**

    - `x`: `[time, ...]`.
    - `dt`: the time between samples, ms.
    - `low`, `high`: Hz. Of BOLD signals usually 0.01 ... 0.1.
    """
    check_series("bandpass", "x", x)
    if not 0.0 <= low < high:
        raise ValueError(f"bandpass: `low` must be below `high` and not negative, got {low} and {high} Hz.")
    frequencies = jnp.fft.rfftfreq(x.shape[0], dt * 1e-3)
    spectrum = jnp.fft.rfft(x, axis=0)
    inside = ((frequencies >= low) & (frequencies <= high)).astype(spectrum.dtype)
    return jnp.fft.irfft(spectrum * inside.reshape(-1, *(1,) * (x.ndim - 1)), x.shape[0], axis=0)
