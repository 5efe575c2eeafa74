"""What holds for every connectivity: all its products agree with the matrix it stands for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


def make(name):
    weights = np.random.default_rng(0).normal(size=(6, 6)) * (np.random.default_rng(1).random((6, 6)) < 0.5)
    return {
        "Dense": lambda: nex.connect.Dense(weights),
        "CSR": lambda: nex.connect.from_dense(weights)(6, 6),
        "CSR, one weight": lambda: nex.connect.bernoulli(0.4, 0.7)(6, 6, key=jr.key(0)),
        "CSR, several synapses per pair": lambda: nex.connect.fixed_total(60, 0.7)(6, 6, key=jr.key(0)),
        "CSR, delays": lambda: nex.connect.bernoulli(0.4, 0.7, delay=nex.connect.integers(1, 3))(6, 6, key=jr.key(0)),
        "FanOut": lambda: nex.connect.fixed_out_degree(4, nex.connect.normal(0.5, 1.0))(6, 6, key=jr.key(0)),
        "FanOut, one weight, delays": lambda: nex.connect.fixed_out_degree(4, 0.3, delay=nex.connect.integers(1, 3))(
            6, 6, key=jr.key(0)
        ),
        "Procedural": lambda: nex.connect.procedural(nex.connect.bernoulli(0.4, nex.connect.normal(0.5, 0.3)))(
            6, 6, key=jr.key(0)
        ),
        "Procedural, delays": lambda: nex.connect.procedural(
            nex.connect.fixed_out_degree(4, 0.3, delay=nex.connect.integers(1, 3))
        )(6, 6, key=jr.key(0)),
        "AllToAll": lambda: nex.connect.AllToAll(0.7, (6, 6)),
        "AllToAll, no autapses": lambda: nex.connect.AllToAll(0.7, (6, 6), autapses=False),
        "OneToOne": lambda: nex.connect.OneToOne(np.arange(1.0, 7.0), 6),
        "Transpose": lambda: nex.connect.from_dense(weights)(6, 6).T,
    }[name]()


NAMES = [
    "Dense", "CSR", "CSR, one weight", "CSR, several synapses per pair", "CSR, delays", "FanOut",
    "FanOut, one weight, delays", "Procedural", "Procedural, delays", "AllToAll", "AllToAll, no autapses",
    "OneToOne", "Transpose",
]  # fmt: skip
everywhere = pytest.mark.parametrize("name", NAMES)
SPIKES = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 2.5])


def test_every_public_connectivity_is_here():
    public = {
        n for n, c in vars(nex.connect).items()
        if isinstance(c, type) and issubclass(c, nex.AbstractConnectivity)
    }  # fmt: skip
    assert public == {type(make(name)).__name__ for name in NAMES}


@everywhere
@pytest.mark.parametrize("x", [SPIKES, np.zeros(6), np.linspace(-1.0, 2.0, 6)])
def test_products_equal_the_matrix(name, x, dtype):
    w = make(name)
    matrix = np.asarray(w.todense())
    x, out = jnp.asarray(x, dtype), jnp.arange(6, dtype=dtype)
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-13, "atol": 1e-13}
    for product in (w, jax.jit(lambda x: w(x))):
        np.testing.assert_allclose(product(x), x @ matrix, **tolerance)
    np.testing.assert_allclose(w.add_to(out, x), out + x @ matrix, **tolerance)
    np.testing.assert_allclose(w.T(x), matrix @ x, **tolerance)
    np.testing.assert_allclose(w.T.todense(), matrix.T)
    np.testing.assert_allclose(w.T.T.todense(), matrix)
    batch = jnp.stack([x, 2 * x, x[::-1]])
    np.testing.assert_allclose(jax.vmap(lambda x: w(x))(batch), batch @ matrix, **tolerance)


@everywhere
def test_derivatives_equal_those_of_the_matrix(name, x64):
    w = make(name)
    x, g = jnp.asarray(SPIKES), jnp.linspace(0.5, 2.0, 6)
    through = lambda product: lambda w, x: (jnp.sin(product(w, x)) * g).sum()
    ours, dense = through(lambda w, x: w(x)), through(lambda w, x: x @ w.todense())
    for a, b in ((eqx.filter_grad(ours), eqx.filter_grad(dense)),):
        for p, q in zip(jax.tree_util.tree_leaves(a(w, x)), jax.tree_util.tree_leaves(b(w, x)), strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jax.grad(ours, 1)(w, x), jax.grad(dense, 1)(w, x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jax.hessian(ours, 1)(w, x), jax.hessian(dense, 1)(w, x), rtol=1e-9, atol=1e-11)
    tangent = jnp.cos(x)
    np.testing.assert_allclose(
        jax.jvp(lambda x: w(x), (x,), (tangent,))[1], tangent @ w.todense(), rtol=1e-10, atol=1e-12
    )


@everywhere
def test_shape_and_number_of_synapses(name):
    w = make(name)
    assert w.shape == w.todense().shape
    assert w.nnz >= np.count_nonzero(np.asarray(w.todense()))
    assert w.T.shape == w.shape[::-1]


@everywhere
def test_synapses_one_by_one(name):
    """In compressed rows, and row by row, they add up to the matrix."""
    w = make(name)
    matrix = np.asarray(w.todense())
    csr = w.to_csr()
    assert isinstance(csr, nex.connect.CSR)
    np.testing.assert_allclose(csr.todense(), matrix, rtol=1e-6)
    for i in range(6):
        row = w.row(i)
        assert len(row.targets) == len(row.weights)
        np.testing.assert_allclose(np.bincount(row.targets, row.weights, 6), matrix[i], rtol=1e-6)
    assert (row.delays is not None) == ("delays" in name)
    for i in (-1, 6):
        with pytest.raises(IndexError, match="`i` must lie in 0 ... 5"):
            w.row(i)


@everywhere
def test_memory_and_description(name):
    w = make(name)
    assert w.nbytes == sum(leaf.nbytes for leaf in jax.tree_util.tree_leaves(w)) > 0
    assert repr(w).startswith(type(w).__name__ + "(")
    assert len(repr(w)) < 120
    parameters, fixed = eqx.partition(w, eqx.is_inexact_array)
    assert type(w).__name__ in repr(parameters)
    assert type(w).__name__ in repr(fixed)


SPARSE = [name for name in NAMES if isinstance(make(name), nex.AbstractSparseConnectivity)]


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("row", [0, 1, 3])
def test_deliveries_arrive_when_they_are_due(name, listed, row, x64):
    """Into a ring longer than it must be, at any turn of it; batches too."""
    w, length = make(name), 4
    csr = w.to_csr()
    steps = np.ones(csr.nnz, int) if csr.delays is None else np.asarray(csr.delays)
    expected = np.ones((3, length, 6))
    batch = np.stack([SPIKES, np.zeros(6), np.linspace(-1.0, 2.0, 6)])
    weights = np.broadcast_to(csr.weight, (csr.nnz,))
    for member, x in enumerate(batch):
        np.add.at(expected[member], ((row + steps - 1) % length, csr.indices), x[np.asarray(csr.rows)] * weights)

    def deliver(x):
        active = nex.ops.events.compact(x) if listed else None
        return w.deliver(jnp.ones(length * 6), x, offset=jnp.int32(6 * row), active=active)

    np.testing.assert_allclose(jax.vmap(deliver)(jnp.asarray(batch)).reshape(3, length, 6), expected, rtol=1e-12)
    np.testing.assert_allclose(deliver(jnp.asarray(SPIKES)).reshape(length, 6), expected[0], rtol=1e-12)


@pytest.mark.parametrize("name", SPARSE)
def test_training_equals_that_of_the_dense_matrix(name, x64):
    """Backpropagation through 30 steps of a spiking network, towards the weights and everything else."""
    if "delays" in name:
        pytest.skip("tests/test_synaptic_delays.py compares them with projections of one delay each")
    cell = nex.LIF(tau=5.0, v_rest=0.0, v_th=1.0, v_reset=0.0)
    receptors = {"in": nex.Receptor(nex.Expon(2.0), nex.CUBA())}
    v0 = jnp.linspace(-0.5, 0.9, 6)

    def loss(comm):
        net = nex.Network({"E": nex.Population(cell, 6, receptors, v0=v0)}, [nex.Projection("E", "E", "in", comm)])
        sol = nex.simulate(net, 3.0, 0.1, {"E": 2.5}, record={"v": nex.voltage("E"), "o": nex.output("E")})
        return (sol.records["v"].values ** 2).sum() + sol.records["o"].values.sum()

    w = make(name)
    ours, dense = (
        eqx.filter_jit(eqx.filter_value_and_grad(f))(w) for f in (loss, lambda w: loss(nex.connect.Dense(w.todense())))
    )
    np.testing.assert_allclose(ours[0], dense[0], rtol=1e-12)
    assert np.count_nonzero(np.asarray(ours[1].weight)) > w.weight.size // 2
    np.testing.assert_allclose(ours[1].weight, dense[1].weight, rtol=1e-9)
