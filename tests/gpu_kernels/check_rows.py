"""Launches of the products of stored rows against pure JAX."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runner
from neuroeqx.ops import _triton_row_calls as calls
from neuroeqx.ops.csr import _reference as csr
from neuroeqx.ops.fanout import _reference as fanout
from runner import watched as watched
from tolerance import assert_close


@dataclasses.dataclass
class Matrix:
    """Random synapses by rows (some rows are empty and one is long), and vectors to multiply."""

    n_pre: int = 45
    n_post: int = 30
    k: int | None = None  # a fixed fan-out
    mean: int = 8
    shared: bool = False
    members: int | None = None
    real: str = "float32"
    stored: str | None = None  # dtype of weights
    index: str = "int32"
    turned: bool = False
    listed: bool = False
    huge: bool = False  # as if places of synapses did not fit 32 bits

    def make(self):
        rng = self.rng = np.random.default_rng(0)
        lengths = np.full(self.n_pre, self.k) if self.k else rng.poisson(self.mean, self.n_pre)
        if not self.k and self.n_pre > 4:
            lengths[:4] = 0, 5 * self.mean, 0, 1
        indices = rng.integers(0, self.n_post, lengths.sum())
        self.indices = jnp.asarray(indices.reshape((self.n_pre, self.k) if self.k else -1), jnp.int32)
        self.pointers = None if self.k else jnp.asarray(np.concatenate([[0], np.cumsum(lengths)]), self.index)
        self.weight = self.normal(*(() if self.shared else self.indices.shape)).astype(self.stored or self.real)
        batch = () if self.members is None else (self.members,)
        x = rng.normal(size=(*batch, self.n_pre)) * (rng.random((*batch, self.n_pre)) < 0.4)
        x[..., -1] = 1.5
        if batch:
            x[0] = -0.0  # a member without an event
        self.x = jnp.asarray(x, self.real)
        self.g, self.out = self.normal(*batch, self.n_post), self.normal(*batch, self.n_post)
        self.offset = jnp.int32(self.n_post - 7) if self.turned else None
        self.active = self.list_of(x) if self.listed else None
        return self

    def normal(self, *shape):
        return jnp.asarray(self.rng.normal(size=shape), self.real)

    def list_of(self, x):
        order = np.argsort(x == 0, axis=-1, kind="stable")  # as `compact`, but for what comes behind the list
        return jnp.asarray(order, jnp.int32), jnp.asarray((x != 0).sum(-1), jnp.int32)

    def operands(self):
        structure = (self.indices,) if self.pointers is None else (self.indices, self.pointers)
        return structure if self.offset is None else (*structure, self.offset)

    @property
    def reference(self):
        return csr if self.pointers is not None else fanout


MATRICES = {
    "csr": Matrix(),
    "csr shared": Matrix(shared=True, listed=True),
    "csr batch": Matrix(members=3),
    "csr batch listed turned": Matrix(members=3, listed=True, turned=True),
    "csr double": Matrix(real="float64", index="int64", turned=True),
    "csr bfloat16": Matrix(stored="bfloat16", listed=True),
    "csr shared bfloat16": Matrix(shared=True, stored="bfloat16"),
    "csr wide rows": Matrix(n_pre=20, mean=300, n_post=40),
    "csr huge": Matrix(huge=True, turned=True),
    "fanout huge": Matrix(k=6, huge=True, members=2),
    "csr one": Matrix(n_pre=1, n_post=1, mean=1),
    "fanout": Matrix(k=7),
    "fanout of one": Matrix(k=1, shared=True, turned=True),
    "fanout batch listed": Matrix(k=7, members=2, listed=True),
    "fanout shared batch": Matrix(k=5, shared=True, members=2),
    "fanout double turned": Matrix(k=7, real="float64", turned=True, listed=True),
}


@pytest.fixture(params=MATRICES)
def matrix(request, watched, monkeypatch):
    chosen = MATRICES[request.param]
    if chosen.huge:
        monkeypatch.setattr(calls, "_WIDE", 0)
    with runner.precision("64" in chosen.real + chosen.index):
        yield chosen.make()


def test_add_matvec(matrix):
    m = matrix
    place = (m.out, m.weight, m.x, m.indices, m.pointers, m.offset)
    truth = m.reference.add_matvec(m.out, m.weight, m.x, *m.operands(), active=None, event=False)
    with runner.launches("add_matvec"):
        ours = jax.jit(lambda: calls.add_matvec(*place, active=m.active))().block_until_ready()
    assert_close(ours, truth)


def test_add_matvec_in_fixed_point(matrix, monkeypatch):
    """The same bits for any order: that of a list of rows in reverse. And closer to the truth than rounding is."""
    monkeypatch.setenv("NEUROEQX_DETERMINISTIC", "1")
    m = matrix
    place = (m.out, m.weight, m.x, m.indices, m.pointers, m.offset)
    ids, count = m.list_of(np.asarray(m.x))
    members = np.arange(m.n_pre) < np.asarray(count)[..., None]
    reverse = np.where(members, (np.asarray(count)[..., None] - 1 - np.arange(m.n_pre)) % m.n_pre, 0)
    backwards = jnp.asarray(np.take_along_axis(np.asarray(ids), reverse, -1), jnp.int32), count
    ours = [
        jax.jit(lambda active=active: calls.add_matvec(*place, active=active))() for active in (m.active, backwards)
    ]
    np.testing.assert_array_equal(*ours)
    truth = m.reference.add_matvec(m.out, m.weight, m.x, *m.operands(), active=None, event=False)
    assert_close(ours[0], truth)


def test_rmatvec(matrix):
    m = matrix
    ours = jax.jit(lambda: calls.rmatvec(m.weight, m.g, m.indices, m.pointers, m.offset, n_pre=m.n_pre))()
    assert_close(ours, m.reference.rmatvec(m.weight, m.g, *m.operands(), n_pre=m.n_pre))


@pytest.mark.parametrize("shared", [False, True])
def test_outer(matrix, shared):
    m = matrix
    shape = () if shared else m.indices.shape
    place = (m.x, m.g, m.indices, m.pointers, m.offset)
    ours = jax.jit(lambda: calls.outer(*place, active=m.active, weight_shape=shape))()
    assert_close(ours, m.reference.outer(m.x, m.g, *m.operands(), active=None, weight_shape=shape))


def test_add_outer_along_rows_and_along_columns(matrix):
    m = matrix
    if m.shared or m.members:
        m.weight, m.x, m.g = m.normal(*m.indices.shape), m.x.reshape(-1)[: m.n_pre], m.g.reshape(-1)[: m.n_post]
        m.active = None
    place = (m.weight, m.x, m.g, m.indices, m.pointers, m.offset)
    ours = jax.jit(lambda: calls.add_outer(*place, active=m.active))()
    truth = m.weight.astype(m.real) + m.reference.outer(
        m.x, m.g, *m.operands(), active=None, weight_shape=m.indices.shape
    )
    assert_close(ours, truth.astype(m.weight.dtype))
    # Along columns: those whose neuron is active, by an index that is sorted by target.
    columns = np.asarray(m.indices).ravel()
    if m.offset is not None:
        columns = (columns + int(m.offset)) % m.n_post
    lengths = np.full(m.n_pre, m.k) if m.k else np.diff(m.pointers)
    order = np.argsort(columns, kind="stable")
    sources = jnp.asarray(np.repeat(np.arange(m.n_pre), lengths)[order], jnp.int32)
    ends = jnp.asarray(np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=m.n_post))]), jnp.int32)
    post = jnp.maximum(m.g, 0)
    place = (m.weight, post, m.x, sources, ends, None)
    ours = jax.jit(lambda: calls.add_outer(*place, active=None, order=jnp.asarray(order, jnp.int32)))()
    pairs = np.repeat(np.asarray(m.x), lengths) * np.asarray(post)[columns]
    truth = np.asarray(m.weight.astype(m.real)) + pairs.reshape(m.indices.shape)
    assert_close(ours, jnp.asarray(truth).astype(m.weight.dtype))
