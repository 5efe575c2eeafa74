"""Solutions of trees against dense ones, their derivatives, and batches."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx.ops import tree


def random_tree(n, seed, straight=0.7):
    """A tree of long branches, its nodes in any order."""
    rng = np.random.default_rng(seed)
    parent = [-1] + [k - 1 if rng.random() < straight else int(rng.integers(k)) for k in range(1, n)]
    place = rng.permutation(n)
    out = np.full(n, -1)
    for k, p in enumerate(parent):
        out[place[k]] = -1 if p < 0 else place[p]
    return tree.Tree(out)


def dense(t, shunt, coupling):
    """The matrix of one tree."""
    across = np.eye(len(t)) * (np.arange(len(t)) != t.root)[:, None]
    for k, p in enumerate(t.parent):
        if p >= 0:
            across[k, p] = -1.0
    return jnp.diag(jnp.pad(shunt, (0, len(t) - shunt.shape[0]))) + across.T @ (coupling[:, None] * across)


def by_dense(t, shunt, coupling, source):
    whole = jnp.pad(source, (0, len(t) - source.shape[0]))
    return jnp.linalg.solve(dense(t, shunt, coupling), whole)[: source.shape[0]]


def operands(t, some, seed, dtype, members=None):
    rng = np.random.default_rng(seed)
    batch = () if members is None else (members,)
    shunt, coupling, source = (
        rng.random((*batch, some)) + 0.1,
        10.0 * rng.random(len(t)) + 0.1,
        rng.normal(size=(*batch, some)),
    )
    return [jnp.asarray(x, dtype) for x in (shunt, coupling, source)]


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_against_dense_solutions_with_derivatives_of_two_orders(x64, backend):
    t, some = random_tree(23, 1), 20
    args = operands(t, some, 2, "float64")
    np.testing.assert_allclose(tree.solve(t, *args, backend=backend), by_dense(t, *args), rtol=1e-12)
    one = random_tree(1, 1)
    np.testing.assert_allclose(tree.solve(one, *(jnp.full(1, x) for x in (2.0, 5.0, 3.0)), backend=backend), [1.5])

    def of(f):
        loss = lambda *x: jnp.sum(jnp.sin(f(*x)))
        direction = tuple(jnp.cos(jnp.arange(x.size, dtype=x.dtype)) for x in args)
        slope = lambda *x: jax.jvp(loss, x, direction)[1]
        both = lambda *x: (loss(*x), slope(*x), jax.grad(loss, (0, 1, 2))(*x), jax.grad(slope, (0, 1, 2))(*x))
        return jax.jit(both)(*args)

    found = of(lambda *x: tree.solve(t, *x, backend=backend))
    expected = of(lambda *x: by_dense(t, *x))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), found, expected)


def test_batches_with_couplings_of_their_own_or_shared(x64):
    t, some = random_tree(60, 3), 60
    shunt, coupling, source = operands(t, some, 4, "float64", members=37)
    expected = jnp.stack(
        [tree.solve(t, s, coupling, i, backend="reference") for s, i in zip(shunt[:2], source[:2], strict=True)]
    )
    found = tree.solve(t, shunt, coupling, source)
    np.testing.assert_allclose(found[:2], expected, rtol=1e-12)
    np.testing.assert_allclose(found, tree.solve(t, shunt, coupling, source, backend="reference"), rtol=1e-12)
    mapped = jax.vmap(lambda s, i: tree.solve(t, s, coupling, i))(shunt, source)
    np.testing.assert_array_equal(found, mapped)
    scales = jnp.linspace(0.5, 2.0, 37)
    own = jax.vmap(lambda c, s: tree.solve(t, s, c * coupling, source[0]))(scales, shunt)
    twice = jax.vmap(lambda c: tree.solve(t, shunt, c * coupling, source))(scales)
    for m in (0, 36):
        alone = tree.solve(t, shunt[m], scales[m] * coupling, source[0], backend="reference")
        np.testing.assert_allclose(own[m], alone, rtol=1e-12)
        np.testing.assert_allclose(twice[m, m], tree.solve(t, shunt[m], scales[m] * coupling, source[m]), rtol=1e-12)


@pytest.mark.parametrize(("members", "shared"), [(18, True), (39, False)])
def test_members_side_by_side(dtype, members, shared):
    """Whole vectors of members, one that is not whole, and those that are left, against each on its own."""
    t, some = random_tree(23, 5), 20
    shunt, coupling, source = operands(t, some, 6, dtype, members)
    coupling = coupling if shared else coupling[None] * jnp.linspace(0.5, 2.0, members, dtype=dtype)[:, None]
    found = tree.solve(t, shunt, coupling, source)
    expected = tree.solve(t, shunt, coupling, source, backend="reference")
    # Of voltages of either sign, about 1.
    atol = 2e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=atol)
    own = coupling if shared else coupling[-1]
    alone = tree.solve(t, shunt[-1], own, source[-1])
    np.testing.assert_allclose(found[-1], alone, rtol=0.0, atol=atol)


def test_small_conductances_to_the_ground_keep_their_digits_in_single_precision():
    # Flows along the tree are a hundred million times what leaves it: a matrix with its diagonal in float32 is singular.
    t = tree.Tree(range(-1, 99))
    args = jnp.full(100, 1e-3), jnp.full(100, 1e5), jnp.full(100, -0.065)
    for backend in ("native", "reference"):
        np.testing.assert_allclose(tree.solve(t, *args, backend=backend), -65.0, rtol=3e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tree.Tree([-1, 0, -1]), ValueError, "got 2 among 3"),
        (lambda: tree.Tree([-1, 2, 1]), ValueError, "2 of the nodes are not reached"),
        (lambda: tree.Tree([-1, 7]), ValueError, "parent 7 is none"),
        (lambda: solve_with(jnp.ones(3), jnp.ones(2), jnp.ones(3)), ValueError, "coupling has shape"),
        (lambda: solve_with(jnp.ones(3), jnp.ones(3), jnp.ones(2)), ValueError, "shunt has shape"),
        (
            lambda: solve_with(jnp.ones(3), jnp.ones(3), jnp.ones(3, jnp.int32)),
            TypeError,
            "shunt has dtype|source has dtype",
        ),
    ],
)
def test_errors_name_the_operand(call, error, message):
    with pytest.raises(error, match=message):
        call()


def solve_with(*args):
    return nex.ops.tree.solve(tree.Tree([-1, 0, 1]), *args)
