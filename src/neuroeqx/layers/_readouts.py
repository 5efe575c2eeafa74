"""From a sequence to one value for each feature."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import fuse
from .._types import Key
from ._sequence import AbstractSequenceLayer


class MaxOverTime(AbstractSequenceLayer):
    """The largest value of each feature in a sequence: `[time, ...]` to `[...]`. Where it comes more than once its gradient
    is shared."""

    def __call__(self, x: Float[Array, "time ..."], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.max(x, axis=0)


class MeanOverTime(AbstractSequenceLayer):
    """The mean over a sequence: `[time, ...]` to `[...]`."""

    def __call__(self, x: Float[Array, "time ..."], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.mean(x, axis=0)


class LastStep(AbstractSequenceLayer):
    """The last step of a sequence: `[time, ...]` to `[...]`."""

    def __call__(self, x: Float[Array, "time ..."], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return x[-1]


class SpikeCount(AbstractSequenceLayer):
    """The number of spikes, the sum over a sequence: `[time, ...]` to `[...]`."""

    def __call__(self, x: Float[Array, "time ..."], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.sum(x, axis=0)


class FirstSpike(AbstractSequenceLayer):
    r"""The step of the first spike, a differentiable one: `[time, ...]` to `[...]`.

    $\sum_t \prod_{u \le t} (1 - s_u)$, the number of steps before the first spike, counted from 0; for spikes of 0 and 1 this
    is exact, and the number of all steps where there is none. If the $s_u$ are probabilities it is the mean step. The
    derivative towards $s_u$ is that of the formula, $-\sum_{t \ge u} \prod_{v \le t, v \ne u} (1 - s_v)$: what a spike in
    step u that does not happen, before the first one, would win, and what the first one would lose by not happening; through
    the surrogate of the spikes it reaches the voltages.
    """

    def __call__(self, x: Float[Array, "time ..."], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        # The steps that are left without a spike, from the end of the sequence.
        follow = lambda later, s: ((1.0 - s) * (1.0 + later), None)
        return fuse.scan(follow, jnp.zeros(x.shape[1:], x.dtype), x, reverse=True)[0]
