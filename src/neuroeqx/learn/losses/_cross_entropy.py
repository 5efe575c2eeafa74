"""Cross entropies of readouts over time."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._types import is_tracer


Logits = Float[Array, "*batch time classes"] | Float[np.ndarray, "*batch time classes"]
Labels = Int[Array, "*batch"] | Int[np.ndarray, "*batch"]
# Which steps count: the same for all, or each sample's own.
Window = (
    Bool[Array, " time"]
    | Bool[np.ndarray, " time"]
    | Bool[Array, "*batch time"]
    | Bool[np.ndarray, "*batch time"]
    | None
)


def cross_entropy(
    logits: Float[Array, "*batch classes"] | Float[np.ndarray, "*batch classes"], labels: Labels
) -> Float[Array, "*batch"]:
    r"""$-\log p_{label}$ of the softmax of the logits $x$: $\log \sum_c e^{x_c} - x_{label}$.

    All cross entropies take samples with or without leading axes, and return one number for each: `.mean()` is the loss of
    a batch.

    **Arguments:**

    - `logits`: `[*batch, classes]`.
    - `labels`: the class of each sample, a whole number from 0 to classes - 1, `[*batch]`.

    **Returns:** nats, `[*batch]`.
    """
    log_p = jax.nn.log_softmax(jnp.asarray(logits))
    return -jnp.take_along_axis(log_p, jnp.asarray(labels)[..., None], -1)[..., 0]


def cross_entropy_of_max(readout: Logits, labels: Labels, window: Window = None) -> Float[Array, "*batch"]:
    """The cross entropy of the greatest value that each readout reaches (Cramer et al. 2022).

    **Arguments:**

    - `readout`: one trace for each class, `[*batch, time, classes]`.
    - `labels`: as for `cross_entropy`.
    - `window`: the steps that count, booleans, `[time]` or `[*batch, time]`; all by default.

    **Returns:** nats, `[*batch]`. A window without any step is an error where it is known, and NaN where it is traced.
    """
    x = jnp.asarray(readout)
    if window is None:
        return cross_entropy(x.max(-2), labels)
    chosen = _checked("cross_entropy_of_max", window, x)
    # Of no step the greatest is NaN, as the mean is.
    greatest = jnp.where(chosen[..., None], x, -jnp.inf).max(-2)
    return cross_entropy(jnp.where(chosen.any(-1)[..., None], greatest, jnp.nan), labels)


def cross_entropy_of_mean(readout: Logits, labels: Labels, window: Window = None) -> Float[Array, "*batch"]:
    """The cross entropy of each readout's mean over time. Arguments are those of `cross_entropy_of_max`."""
    x = jnp.asarray(readout)
    if window is None:
        return cross_entropy(x.mean(-2), labels)
    chosen = _checked("cross_entropy_of_mean", window, x)
    return cross_entropy(_mean(x, chosen[..., None], -2), labels)


def cross_entropy_of_last(readout: Logits, labels: Labels) -> Float[Array, "*batch"]:
    """The cross entropy of the readouts of the last step. Arguments are those of `cross_entropy_of_max`."""
    return cross_entropy(jnp.asarray(readout)[..., -1, :], labels)


def cross_entropy_over_time(readout: Logits, labels: Labels, window: Window = None) -> Float[Array, "*batch"]:
    """The mean over time of the cross entropy of each step: the readouts are to be right all along (in the window). Arguments
    are those of `cross_entropy_of_max`."""
    x = jnp.asarray(readout)
    labels = jnp.broadcast_to(jnp.asarray(labels)[..., None], x.shape[:-1])
    each = cross_entropy(x, labels)
    if window is None:
        return each.mean(-1)
    return _mean(each, _checked("cross_entropy_over_time", window, x), -1)


def _checked(name: str, window: Window, x: Float[Array, "*batch time classes"]) -> Bool[Array, "*batch time"]:
    if not is_tracer(window) and not np.all(np.any(np.asarray(window), -1)):
        raise ValueError(f"{name}: `window` holds no step, got {np.asarray(window)}.")
    return jnp.broadcast_to(jnp.asarray(window), x.shape[:-1])


def _mean(x: Array, chosen: Array, axis: int) -> Array:
    # By where, and not by a product: what is outside the window may be infinite.
    return jnp.where(chosen, x, 0.0).sum(axis) / chosen.sum(axis).astype(x.dtype)
