"""Losses of the time of the first spike."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._cross_entropy import cross_entropy, Labels
from ._spikes import SpikeArray


def first_spike_time(spikes: SpikeArray, *, dt: float) -> Float[Array, "*batch neurons"]:
    r"""The time of each neuron's first spike, with a derivative:

    $$t = dt \sum_{k=1}^{T} \prod_{j \le k} (1 - s_j)$$

    over the $T$ steps: dt times the number of steps without a spike so far, so $(k - 1)\, dt$ for a first spike in step $k$
    (the beginning of that step), and $T\, dt$ without any. It is the expected time if the $s_j$ are probabilities, linear in
    each of them: the derivative towards a spike that did not happen is the time that it would have gained, and towards the
    first one the time until the next, which would then come first.

    **Arguments:**

    - `spikes`: 0 or 1 in every step, `[*batch, time, neurons]`; probabilities are possible too.
    - `dt`: the step, ms.

    **Returns:** ms, `[*batch, neurons]`. Derivatives are those of the spikes (surrogates).
    """
    if not dt > 0.0:
        raise ValueError(f"first_spike_time: `dt` must be positive, got {dt} ms.")
    return dt * jnp.cumprod(1.0 - jnp.asarray(spikes), -2).sum(-2)


def time_to_first_spike(
    times: Float[Array, "*batch classes"] | Float[np.ndarray, "*batch classes"],
    labels: Labels,
    *,
    tau: float,
    latest: float,
) -> Float[Array, "*batch"]:
    r"""The cross entropy of first-spike times (Göltz et al. 2021): the neuron of the right class is to spike first,

    $$\log \sum_c e^{-(t_c - t_{label}) / \tau}$$

    **Arguments:**

    - `times`: the time of the first spike of each class's neuron, ms, `[*batch, classes]`: those of `first_spike_time`, or
        given by a method that knows their derivatives. Infinite ones (no spike) count as `latest`.
    - `labels`: as for `cross_entropy`.
    - `tau`: $\tau$, the time by which the first spike should be ahead, ms.
    - `latest`: later times count as this one, ms, and have no derivative.

    **Returns:** nats, `[*batch]`.
    """
    for name, value in (("tau", tau), ("latest", latest)):
        if not (np.isfinite(value) and value > 0.0):
            raise ValueError(f"time_to_first_spike: `{name}` must be positive and finite, got {value} ms.")
    t = jnp.asarray(times)
    # jnp.minimum would halve the derivative of a time that equals `latest`.
    return cross_entropy(jnp.where(t < latest, t, latest) / -tau, labels)
