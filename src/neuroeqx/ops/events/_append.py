"""Lists of events: who was active when."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .._primitive import Backend, bind, check_backend
from ._rules import append_p


def append_events(
    buffer: Int[Array, "capacity 2"],
    count: Int[Array, ""],
    x: Float[Array, " n"],
    step: Int[Array, ""],
    *,
    backend: Backend = None,
) -> tuple[Int[Array, "capacity 2"], Int[Array, ""]]:
    """Appends the row `(step, i)` for every `i` with `x[i] != 0`, in ascending order of `i`.

    Events beyond the capacity are not stored, but still counted: a `count` above the capacity says how much room was
    missing. On CPU the list grows in place where XLA can give its memory away, and a silent step costs one look at `x`.
    Nothing here has a derivative: gradients stop at `x`.

    **Arguments:**

    - `buffer`: the list so far, int32; the first `count` rows hold events.
    - `count`: the number of events so far, int32.
    - `x`: spikes, float32 or float64. NaN counts as an event.
    - `step`: the number to store with the events, int32.
    - `backend`: as in [`neuroeqx.ops.csr.matvec`][].

    **Returns:**

    The new list and count.
    """
    for name, value in {"buffer": buffer, "count": count, "step": step}.items():
        if value.dtype != jnp.int32:
            raise TypeError(f"{name} has dtype {value.dtype}, expected int32")
    if x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"x has dtype {x.dtype}, expected float32 or float64 (spikes are 0 or 1 in a float dtype)")
    if (*buffer.shape[1:], count.ndim, step.ndim, x.ndim) != (2, 0, 0, 1):
        shapes = f"buffer {buffer.shape}, count {count.shape}, x {x.shape}, step {step.shape}"
        raise ValueError(f"the shapes are {shapes}; expected (capacity, 2), (), (n,), ()")
    check_backend(backend)
    buffer, count = bind(append_p, buffer, count, lax.stop_gradient(x), step, backend=backend)
    return buffer, count
