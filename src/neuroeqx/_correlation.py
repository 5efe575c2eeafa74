"""Counting pairs of spikes by the time between them, while a model runs."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int


class Correlogram(NamedTuple):
    """How many pairs of spikes there are at each distance in time.

    - `lags`: the centres of the bins, ms, `[bins]`.
    - `counts`: the pairs whose distance lies in the bin, `[bins]`.
    """

    lags: np.ndarray
    counts: np.ndarray | Array


class Bins(eqx.Module):
    """Bins of `width` steps each, `reach` of them on either side of the one about zero. A bin begins `width // 2` steps before
    its centre."""

    width: int = eqx.field(static=True)
    reach: int = eqx.field(static=True)

    @property
    def first(self) -> int:
        """The first step of the first bin."""
        return -(self.width // 2) - self.reach * self.width

    @property
    def end(self) -> int:
        """The first step after the last bin."""
        return self.first + (2 * self.reach + 1) * self.width

    def centres(self, dt: float) -> np.ndarray:
        return np.arange(-self.reach, self.reach + 1) * (self.width * dt)


def bins(owner: str, max_lag: float, bin: float, dt: float) -> Bins:
    width, reach = bin / dt, max_lag / bin if bin else 0.0
    if not (np.isfinite(width) and round(width) >= 1 and abs(width - round(width)) < 1e-6 * width):
        raise ValueError(f"{owner}: `bin` must be a whole number of steps of dt = {dt:g} ms, got {bin} ms.")
    if not (np.isfinite(reach) and reach >= 0.0 and abs(reach - round(reach)) < 1e-6 * max(1.0, reach)):
        raise ValueError(
            f"{owner}: `max_lag` must be a multiple of `bin` = {bin:g} ms, not negative, got {max_lag} ms."
        )
    return Bins(round(width), round(reach))


class PairBuffer(eqx.Module):
    """What two trains did in the last steps, and how many pairs there were at each distance.

    The past is held twice, one copy behind the other, so that the last `r` steps lie in one piece wherever it begins.

    - `past`: of each train, `[2, 2 r]`.
    - `step`: the number of steps so far.
    - `after`: pairs by how many steps the second train is behind, from `r - 1` to 0, `[r]`.
    - `before`: pairs by how many steps it is ahead, likewise.
    """

    past: Float[Array, "2 twice"]
    step: Int[Array, ""]
    after: Float[Array, " r"]
    before: Float[Array, " r"]

    @classmethod
    def empty(cls, bins: Bins, dtype: Any) -> "PairBuffer":
        r = max(-bins.first, bins.end - 1) + 1
        zeros = jnp.zeros(r, dtype)
        return cls(jnp.zeros((2, 2 * r), dtype), jnp.zeros((), jnp.int32), zeros, zeros)

    def append(self, x: Float[Array, "2"], step: Int[Array, ""]) -> "PairBuffer":
        """With the spikes of one step more."""
        del step
        r = self.after.shape[0]
        place = lax.rem(self.step, jnp.int32(r))
        past = self.past
        for start in (place, place + r):
            past = lax.dynamic_update_slice(past, x[:, None], (jnp.int32(0), start))
        window = lambda train: lax.dynamic_slice(past[train], (place + 1,), (r,))
        return PairBuffer(past, self.step + 1, self.after + x[1] * window(0), self.before + x[0] * window(1))

    def emptied(self) -> "PairBuffer":
        """Without pairs, to be gone on with."""
        return PairBuffer(self.past, self.step, jnp.zeros_like(self.after), jnp.zeros_like(self.before))

    def counts(self, bins: Bins) -> Float[Array, " bins"] | np.ndarray:
        """The pairs of each bin."""
        xp: Any = jnp if isinstance(self.after, jax.Array) else np
        each = xp.concatenate([self.before[:-1], self.after[::-1]])  # at -(r - 1), ..., r - 1
        zero = self.after.shape[0] - 1
        return each[zero + bins.first : zero + bins.end].reshape(-1, bins.width).sum(1)
