"""Where the synapses of stored matrices are, for learning rules."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, Int

from .. import ops
from .._interfaces import AbstractConnectivity, AbstractSynapses
from .._math import within
from ._csr import CSR
from ._dense import Dense
from ._fan_out import FanOut
from ._procedural import Procedural


class DenseSynapses(AbstractSynapses):
    """All pairs: where a synapse is follows from its number."""

    shape: tuple[int, int] = eqx.field(static=True)  # pyright: ignore[reportIncompatibleVariableOverride]

    def rows(self, change, values, spikes, pre, post, limits=(None, None)):
        return _along(self, False, change, values, spikes, pre, post, limits)

    def columns(self, change, values, spikes, pre, post, limits=(None, None)):
        return _along(self, True, change, values, spikes, pre, post, limits)

    def from_sources(self, x: Float[Array, " pre"]) -> Float[Array, "pre post"]:
        return jnp.broadcast_to(x[:, None], self.shape)

    def from_targets(self, y: Float[Array, " post"]) -> Float[Array, "pre post"]:
        return jnp.broadcast_to(y[None, :], self.shape)

    def bounds(self, by_target: bool, rows: Int[Array, " rows"]) -> tuple[Array, Array]:
        length = self.shape[0] if by_target else self.shape[1]
        return rows * length, rows * length + length

    def find(self, by_target: bool, position: Int[Array, "..."]) -> tuple[Array, Array, Array]:
        n_pre, n_post = self.shape
        if by_target:
            i, j = position % n_pre, position // n_pre
            return i * n_post + j, i, j
        return position, position // n_post, position % n_post


class ListedSynapses(AbstractSynapses):
    """A list of synapses in the order of their sources, and how to go along it by target: 8 bytes for each.

    - `shape`: that of the weights.
    - `sources`, `targets`: of each synapse.
    - `order`: the synapses by target.
    - `source_ends`, `target_ends`: where each source begins in the list, and each target in `order`.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    sources: Int[Array, " nnz"]
    targets: Int[Array, " nnz"]
    order: Int[Array, " nnz"]
    source_ends: Int[Array, " rows_and_end"]
    target_ends: Int[Array, " columns_and_end"]

    def rows(self, change, values, spikes, pre, post, limits=(None, None)):
        return _along(self, False, change, values, spikes, pre, post, limits)

    def columns(self, change, values, spikes, pre, post, limits=(None, None)):
        return _along(self, True, change, values, spikes, pre, post, limits)

    def from_sources(self, x: Float[Array, " pre"]) -> Float[Array, "..."]:
        return x[self.sources].reshape(self.shape)

    def from_targets(self, y: Float[Array, " post"]) -> Float[Array, "..."]:
        return y[self.targets].reshape(self.shape)

    def bounds(self, by_target: bool, rows: Int[Array, " rows"]) -> tuple[Array, Array]:
        ends = self.target_ends if by_target else self.source_ends
        return ends[rows], ends[rows + 1]

    def find(self, by_target: bool, position: Int[Array, "..."]) -> tuple[Array, Array, Array]:
        synapse = self.order[position] if by_target else position
        return synapse, self.sources[synapse], self.targets[synapse]


@eqx.filter_custom_jvp
def _along(synapses, by_target, change, values, spikes, pre, post, limits):
    """`rows` and `columns` of both, event-driven where the matrix is large enough for it to pay."""
    if values.size <= 2 * ops.CHUNK:
        return _everywhere(synapses, by_target, change, values, spikes, pre, post, limits)
    flat = values.reshape(-1)
    spikes = spikes.astype(flat.dtype)

    def changed(flat: Array, spike: Array, position: Array) -> tuple[Array, Array]:
        place, i, j = synapses.find(by_target, position)
        old = flat[place]
        of = lambda tree, k: jtu.tree_map(lambda x: x[k], tree)
        moved = old + spike * change(old, of(pre, i), of(post, j)).astype(old.dtype)
        return place, within(moved, *limits)

    bounds = lambda rows: synapses.bounds(by_target, rows)
    return ops.change_active(flat, spikes, bounds, changed).reshape(values.shape)


@_along.def_jvp
def _(primals, tangents):
    return eqx.filter_jvp(_everywhere, primals, tangents)


def _everywhere(synapses, by_target, change, values, spikes, pre, post, limits):
    """What `_along` means, written for all synapses."""
    spread = synapses.from_targets if by_target else synapses.from_sources
    spike = spread(spikes.astype(values.dtype))
    of_pre, of_post = jtu.tree_map(synapses.from_sources, pre), jtu.tree_map(synapses.from_targets, post)
    moved = values + spike * change(values, of_pre, of_post).astype(values.dtype)
    # Cut only where something fired: the derivative of `clip` would halve that of a weight at its limit in every step.
    return jnp.where(spike == 0, moved, within(moved, *limits))


def plastic(comm: AbstractConnectivity) -> tuple[Dense | CSR | FanOut, DenseSynapses | ListedSynapses]:
    """A matrix in a form that can hold a weight for each synapse, and where its synapses are.

    **Errors:** `TypeError` for a `Procedural` matrix; `ValueError` for weights of half precision, for synapses with delays
    of their own, and for 2^31 synapses or more.
    """
    if isinstance(comm, Procedural):
        raise TypeError("a Procedural matrix keeps no weights; leave out `procedural`, or draw it with `to_csr()`.")
    stored: Any = comm if isinstance(comm, Dense | CSR | FanOut) else comm.to_csr()
    if stored.weight.dtype.itemsize < 4:
        raise ValueError(f"weights of {stored.weight.dtype} would lose small changes; use float32.")
    if not isinstance(stored, Dense) and stored.horizon:
        raise ValueError("synapses with delays of their own are not plastic; use a projection for each delay.")
    if stored.nnz >= 2**31:
        raise ValueError(f"{stored.nnz} plastic synapses are more than 2^31 - 1; use several projections.")
    if isinstance(stored, Dense):
        return stored, DenseSynapses(stored.shape)
    n_pre, n_post = stored.shape
    targets = np.asarray(stored.columns).reshape(-1)
    ends = np.arange(n_pre + 1) * stored.columns.shape[1] if isinstance(stored, FanOut) else np.asarray(stored.indptr)
    by_target = np.concatenate([[0], np.cumsum(np.bincount(targets, minlength=n_post))])
    lists = np.repeat(np.arange(n_pre), np.diff(ends)), targets, np.argsort(targets, kind="stable"), ends, by_target
    return stored, ListedSynapses(stored.columns.shape, *(jnp.asarray(x, jnp.int32) for x in lists))
