"""A first layer for inputs of which each spikes once at most."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .. import ops
from .._checks import check_count
from .._fields import as_parameter, check_finite, static
from .._types import Key
from ._sequence import AbstractSequenceLayer


class LatencyLinear(AbstractSequenceLayer):
    r"""A linear layer for inputs that spike once or never, given by the steps of their spikes: `[in]` to `[time, out]`.

    The same as `eqx.nn.Linear` without a bias on the matrix of spikes, which is nearly all zeros and is never made: the cost
    is that of the spikes, forwards and backwards (`ops.latency`).

    ```python
    layer = Feedforward(LatencyLinear(784, 100, 100, key=key), LIF(tau=10.0), Expon(10.0))
    spikes = jax.vmap(layer)(latency_steps(images, 100, tau=20.0))
    ```

    **Arguments:**

    - `in_features`, `out_features`: sizes.
    - `steps`: the number of steps of a sequence.
    - `weight`: `[in, out]`, sources along rows as in `connect`, in the unit of what it feeds. By default it is drawn as that of
        `eqx.nn.Linear`, uniformly within $\pm 1 / \sqrt{in}$.
    - `key`: for drawing it.
    """

    weight: Float[Array, "in out"]
    steps: int = static()

    def __init__(
        self, in_features: int, out_features: int, steps: int, *, weight: Array | None = None, key: Key | None = None
    ):
        shape = in_features, out_features
        if weight is None:
            if key is None:
                raise ValueError("LatencyLinear: weights are drawn, so a `key` is needed; or give the `weight`.")
            limit = 1.0 / in_features**0.5
            weight = jax.random.uniform(key, shape, float, -limit, limit)
        self.weight = as_parameter(weight)
        if self.weight.shape != shape:
            raise ValueError(f"LatencyLinear: `weight` must have the shape {shape}, got {self.weight.shape}.")
        self.steps = steps

    def __check_init__(self) -> None:
        check_count(self, "steps")
        check_finite(self)

    def __call__(self, x: Int[Array, " in"], *, key: Key | None = None) -> Float[Array, "time out"]:
        """What arrives in every step.

        **Arguments:**

        - `x`: the step in which each input spikes, int32, from 0; `steps` or any other number outside of [0, `steps`) if never.
        """
        del key
        return ops.latency.matvec(self.weight, x, self.steps)


def latency_steps(
    x: Float[Array, "..."], steps: int, *, tau: float = 20.0, threshold: float = 0.2
) -> Int[Array, "..."]:
    r"""The steps in which inputs of intensity `x` spike, the earlier the stronger: the time at which a membrane of time
    constant `tau` under the constant current x reaches the threshold, $\tau \log(x / (x - \theta))$, rounded down.

    The code of Zenke's tutorials and of Cramer et al. (2022).

    **Arguments:**

    - `x`: intensities, mostly in [0, 1].
    - `steps`: the number of steps; inputs that would spike later, or never, get this number.
    - `tau`: time constant, steps.
    - `threshold`: $\theta$; an input of this intensity or less never spikes.

    **Returns:** whole numbers from 0 to `steps`, int32.
    """
    strong = x > threshold
    ratio = jnp.where(strong, x, 2.0 * threshold + 1.0)
    when = jnp.floor(tau * jnp.log(ratio / (ratio - threshold)))
    return jnp.where(strong & (when < steps), when, float(steps)).astype(jnp.int32)
