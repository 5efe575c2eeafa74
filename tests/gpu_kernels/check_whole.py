"""Whole products, from public functions to kernels: under jit, vmap and differentiation, against pure JAX."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
import runner
from jax import lax
from neuroeqx.ops import csr, events, fanout
from neuroeqx.ops.csr._rules import products as csr_products
from neuroeqx.ops.events._rules import append_p, compact_p
from neuroeqx.ops.fanout._rules import products as fanout_products
from neuroeqx.ops.procedural._law import Law
from neuroeqx.ops.procedural._rules import products as procedural_products
from neuroeqx.ops.procedural._tables import gap_table, normal_table
from tolerance import assert_close


runner.lower_to_kernels(*csr_products, *fanout_products, *procedural_products[:3], append_p, compact_p)

N_PRE, N_POST, K = 12, 9, 4
rng = np.random.default_rng(3)
normal = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
indices = jnp.asarray(rng.integers(0, N_POST, (N_PRE, K)), jnp.int32)
pointers = jnp.arange(0, N_PRE * K + 1, K, dtype=jnp.int32)
law = Law(N_PRE, N_POST, digits=1, weights="normal")
tables = [jnp.asarray([7, 9], jnp.uint32), jnp.asarray(gap_table(0.4)), jnp.asarray(normal_table())]
x, out, g = normal(3, N_PRE) * (rng.random((3, N_PRE)) < 0.5).astype(np.float32), normal(3, N_POST), normal(3, N_POST)


def by_csr(out, w, x, active, backend):
    return csr.add_matvec(out, w, indices.reshape(-1), pointers, x, active=active, backend=backend)


def by_fanout(out, w, x, active, backend):
    return fanout.add_matvec(out, w, indices, x, active=active, backend=backend)


def by_law(out, w, x, active, backend):
    return procedural_products.add_matvec(out, w, x, *tables, active=active, event=True, law=law, backend=backend)


FAMILIES = {
    "csr": (by_csr, normal(N_PRE * K)),
    "fanout": (by_fanout, normal(N_PRE, K)),
    "fanout shared": (by_fanout, normal()),
    "procedural": (by_law, jnp.asarray([0.3, 1.0], jnp.float32)),
}


def everything(add, listed, backend):
    """Functions of out, w and x: the product, its derivatives in both modes, their derivatives, batches of them."""

    def loss(out, w, x):
        active = events.compact(x, backend=backend) if listed else None
        return jnp.sum(jnp.tanh(add(out, w, x, active, backend)) * g[0])

    def tangent(out, w, x):
        return jax.jvp(loss, (out, w, x), (g[1], 0.5 * w, jnp.cos(x)))[1]

    gradients = jax.grad(loss, argnums=(0, 1, 2))
    second = jax.grad(tangent, argnums=(1, 2))

    def call(out, w, x):
        return (
            loss(out[0], w, x[0]),
            gradients(out[0], w, x[0]),
            second(out[0], w, x[0]),
            jax.vmap(gradients, in_axes=(0, None, 0))(out, w, x),
        )

    return call


@pytest.mark.parametrize(
    ("family", "listed"), [("csr", True), ("fanout", False), ("fanout shared", True), ("procedural", True)]
)
def test_values_and_derivatives(family, listed):
    add, w = FAMILIES[family]
    names = ["add_matvec", "rmatvec", "outer_sum" if w.ndim == 0 else "outer", *(["compact"] if listed else [])]
    with runner.launches(*names):
        ours = jax.block_until_ready(jax.jit(everything(add, listed, None))(out, w, x))
    truth = jax.jit(everything(add, listed, "reference"))(out, w, x)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(truth), strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_bits_in_any_order_on_request(family, monkeypatch):
    """Programs run in the order of the list: forwards and backwards, the sums of a public product are the same bits."""
    add, w = FAMILIES[family]
    spikes = jnp.asarray(np.logspace(-2, 2, N_PRE), jnp.float32)  # all rows, so different that every rounding counts
    forwards, count = events.compact(spikes, backend="reference")
    truth = add(out[0], w, spikes, None, "reference")
    same = []
    for request in "01":
        monkeypatch.setenv("NEUROEQX_DETERMINISTIC", request)
        call = jax.jit(lambda active, request=request: add(out[0], w, spikes, active, None))
        results = [call(active) for active in ((forwards, count), (forwards[::-1], count))]
        for result in results:
            assert_close(result, truth)
        same.append(np.array_equal(*results))
    assert same == [False, True]


@jax.custom_jvp
def spike(v):
    return (v > 0).astype(v.dtype)


spike.defjvp(lambda primals, tangents: (spike(*primals), tangents[0] / (1 + 5 * jnp.abs(primals[0])) ** 2))


def test_backpropagation_through_time():
    def loss(w, backend):
        def step(carry, drive):
            v, s = carry
            v = by_fanout(0.8 * v + drive, w, jnp.concatenate([s, s[:3]]), None, backend) - s
            s = spike(v - 0.5)
            return (v, s), jnp.sum(s * g[0])

        carry = jnp.zeros(N_POST), jnp.zeros(N_POST)
        return jnp.sum(lax.scan(step, carry, jnp.abs(normal_drives))[1])

    w = FAMILIES["fanout"][1]
    normal_drives = out
    ours, truth = (jax.jit(jax.value_and_grad(lambda w, b=b: loss(w, b)))(w) for b in (None, "reference"))
    assert float(jnp.max(jnp.abs(truth[1]))) > 0
    for a, b in zip(ours, truth, strict=True):
        assert_close(a, b)


def test_a_network():
    """A whole simulation with events, from the model a user writes."""
    cell = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
    population = nex.Population(cell, 20, {"ampa": nex.Receptor(nex.Expon(tau=5.0), nex.COBA(e=0.0))})
    projection = nex.Projection("E", "E", "ampa", nex.connect.bernoulli(p=0.3, weight=0.6), delay=0.1)
    net = nex.Network({"E": population}, [projection], key=jax.random.key(0))
    record = {"E": nex.spikes("E")}
    # Interpreted kernels stand for those of a GPU, which has no native steps.
    solve = lambda: nex.simulate(net, 2.0, 0.1, inputs={"E": 200.0}, record=record, fused=False).state
    with runner.launches(exactly={"add_matvec": 20}):
        state = jax.block_until_ready(jax.jit(solve)())
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(state) if leaf.dtype == jnp.float32)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_weights_in_place(listed, ordered):
    """Along the rows of active sources, or with the transposed matrix along the columns of active targets."""
    weight, sources = normal(N_PRE * K), jnp.repeat(jnp.arange(N_PRE, dtype=jnp.int32), K)
    places, turns, active_vector, other = indices.reshape(-1), pointers, x[0], g[0]
    order = None
    if ordered:
        order = jnp.argsort(places, stable=True).astype(jnp.int32)
        counts = jnp.bincount(places, length=N_POST).astype(jnp.int32)
        turns = jnp.concatenate([jnp.zeros(1, jnp.int32), jnp.cumsum(counts, dtype=jnp.int32)])
        places, active_vector, other = sources[order], jnp.where(jnp.arange(N_POST) % 3 == 0, g[0], 0), x[1]

    def update(weight, backend):
        active = events.compact(active_vector, backend=backend) if listed else None
        return csr.add_outer(weight, places, turns, active_vector, other, order=order, active=active, backend=backend)

    with runner.launches("add_outer"):
        ours = jax.jit(lambda w: update(w, None))(weight)
    assert_close(ours, jax.jit(lambda w: update(w, "reference"))(weight))
