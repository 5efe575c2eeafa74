"""Potentials outside of cells, from the currents into them."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._series import check_series, in_samples


def lfp_absolute(ampa: Float[Array, "time cells"], gaba: Float[Array, "time cells"]) -> Float[Array, " time"]:
    """A proxy of the local field potential: the sum of absolute synaptic currents into pyramidal cells (Mazzoni et al. 2008).

    **Arguments:**

    - `ampa`, `gaba`: excitatory and inhibitory currents, `[time, cells]`.
    """
    return jnp.sum(jnp.abs(ampa) + jnp.abs(gaba), axis=-1)


def lfp_reference(
    ampa: Float[Array, "time cells"],
    gaba: Float[Array, "time cells"],
    dt: float,
    *,
    alpha: float | Float[Array, ""] = 1.65,
    delay_ampa: float = 6.0,
    delay_gaba: float = 0.0,
) -> Float[Array, " rest"]:
    r"""The reference weighted sum, the proxy of the local field potential that fits best what neurons in three dimensions make:
    $\sum I_{AMPA}(t - 6\, ms) - 1.65 \sum I_{GABA}(t)$ (Mazzoni et al. 2015).

    **Arguments:**

    - `ampa`, `gaba`: currents into pyramidal cells, `[time, cells]`, in our sign: excitatory ones positive, inhibitory ones
        negative.
    - `dt`: the time between samples, ms.
    - `alpha`: the weight of inhibition, dimensionless.
    - `delay_ampa`, `delay_gaba`: ms, multiples of `dt`.

    **Returns:** the potential, in the unit of currents, not normalised. What is delayed begins that much later, so the longer
    delay is missing at the beginning.
    """
    late = [
        in_samples("lfp_reference", name, delay, dt, 0)
        for name, delay in (("delay_ampa", delay_ampa), ("delay_gaba", delay_gaba))
    ]
    longest = max(late)
    check_series("lfp_reference", "ampa", ampa, longest + 1)
    if ampa.shape != gaba.shape:
        raise ValueError(f"lfp_reference: `ampa` and `gaba` must have one shape, got {ampa.shape} and {gaba.shape}.")
    a, b = (jnp.sum(x, axis=-1)[longest - n : x.shape[0] - n] for x, n in zip((ampa, gaba), late, strict=True))
    return a - alpha * b


def eeg(
    sources: Float[Array, "time sources"], lead_field: Float[Array, "sensors areas"], *, average_reference: bool = True
) -> Float[Array, "time sensors"]:
    """Potentials at sensors, a linear mixture of sources, such as the voltages of `JansenRit` columns.

    **Arguments:**

    - `sources`: `[time, areas]`.
    - `lead_field`: what a source of 1 makes at each sensor, `[sensors, areas]`.
    - `average_reference`: whether the mean over sensors is taken away, as from an EEG; not from a magnetoencephalogram.
    """
    if sources.ndim != 2 or lead_field.ndim != 2 or lead_field.shape[1] != sources.shape[1]:
        raise ValueError(
            f"eeg: a lead field of shape {lead_field.shape} does not fit sources of shape {sources.shape}: they must be "
            "(sensors, areas) and (time, areas)."
        )
    signal = sources @ lead_field.T
    return signal - jnp.mean(signal, axis=1, keepdims=True) if average_reference else signal
