"""Launches of the procedural products against pure JAX: the same synapses and weights, bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runner
from neuroeqx.ops.procedural import _reference as reference, _triton as ours
from neuroeqx.ops.procedural._law import Grid, Law
from neuroeqx.ops.procedural._tables import accept_table, gap_table, normal_table
from runner import watched as watched
from tolerance import assert_close


SEED = jnp.asarray([0x12345678, 0x9ABCDEF0], jnp.uint32)
# The law, the probability of gaps, the number of members, whether active rows are listed, the dtype, an offset.
CASES = {
    "degree uniform delays": (Law(20, 30, k=70, weights="uniform", delays=(2, 5)), None, 2, True, "float32", 77),
    "degree many draws": (Law(5, 50, k=1100, autapses=True), None, None, False, "float32", None),
    "degree without autapses": (Law(20, 20, k=5, autapses=False, weights="normal"), None, None, True, "float64", None),
    "gaps": (Law(20, 50, digits=1, weights="normal"), 0.2, 2, False, "float32", None),
    "gaps without autapses": (Law(18, 18, digits=1, autapses=False), 0.5, None, True, "float32", 3),
    "large gaps": (Law(8, 9000, digits=2, weights="uniform", delays=(1, 3)), 5e-4, None, False, "float32", 5000),
    "escapes": (Law(3, 1_200_000, digits=2), 2e-6, None, False, "float32", None),
    "one": (Law(1, 1, digits=1), 0.5, None, False, "float32", None),
    "grid": (Law(20, 56, digits=1, weights="normal", grid=Grid((4, 5), (7, 8), (2, 1))), 0.8, 2, True, "float32", None),
    "periodic grid": (
        Law(12, 35, digits=1, grid=Grid((3, 4), (5, 7), (2, 3), periodic=True), delays=(1, 2)),
        0.6, None, False, "float32", 30,
    ),
}  # fmt: skip


class Problem:
    def __init__(self, law, p, members, listed, real, offset):
        rng = np.random.default_rng(1)
        self.law, self.members = law, members
        tables = {"seed": SEED, "normal": normal_table()}
        if p is not None:
            table = gap_table(p)
            assert len(table) == law.digits
            tables["gaps"] = table
        if law.grid is not None:
            tables["accept"] = accept_table(rng.random(law.width) * (rng.random(law.width) < 0.9) + 1e-3)[1]
        self.structure = [jnp.asarray(tables[name]) for name in law.names]
        self.structure += [] if offset is None else [jnp.int32(offset)]
        batch = () if members is None else (members,)
        normal = lambda *shape: jnp.asarray(rng.normal(size=shape), real)
        x = rng.normal(size=(*batch, law.n_pre)) * (rng.random((*batch, law.n_pre)) < 0.5)
        x[..., 0] = 1.5
        self.x, self.g, self.out = jnp.asarray(x, real), normal(*batch, law.columns), normal(*batch, law.columns)
        # With a slope of 1 the product is exact, and it does not matter whether XLA contracts it with the sum.
        theta = {"constant": 0.3, "uniform": [0.25, 1.25], "normal": [0.25, 1.0]}[law.weights]
        self.weight = jnp.asarray(theta, real)
        self.active = None
        if listed:
            order = np.argsort(x == 0, axis=-1, kind="stable")
            self.active = jnp.asarray(order, jnp.int32), jnp.asarray((x != 0).sum(-1), jnp.int32)


@pytest.fixture(params=CASES)
def problem(request, watched):
    with runner.precision(CASES[request.param][4] == "float64"):
        yield Problem(*CASES[request.param])


def test_products(problem, monkeypatch):
    """And the matrix itself, from a member of the batch per row: an entry is a weight, or, by repetition, a sum of some."""
    p = problem
    rows = np.unique(np.linspace(0, p.law.n_pre - 1, 2 if p.law.columns > 1000 else 3).astype(int))
    single = jnp.asarray(np.eye(p.law.n_pre)[rows], p.x.dtype)
    zeros = jnp.zeros((len(rows), p.law.columns), p.x.dtype)

    def products(module):
        add = lambda out, x, active: module.add_matvec(
            out, p.weight, x, *p.structure, active=active, event=True, law=p.law
        )
        return (
            add(zeros, single, None),
            add(p.out, p.x, p.active),
            module.rmatvec(p.weight, p.g, *p.structure, n_pre=p.law.n_pre, law=p.law),
            module.outer(p.x, p.g, *p.structure, active=p.active, weight_shape=p.law.theta_shape, law=p.law),
        )

    results, truths = jax.jit(lambda: (products(ours), products(reference)))()
    for result, truth in zip(results, truths, strict=True):
        assert_close(result, truth)
    if p.law.columns < 1000:
        place = (p.out, p.weight, p.x, *p.structure)
        monkeypatch.setenv("NEUROEQX_DETERMINISTIC", "1")
        fixed = jax.jit(lambda: ours.add_matvec(*place, active=None, event=True, law=p.law))
        assert_close(fixed(), truths[1])
    matrix, truth = np.asarray(results[0]), np.asarray(truths[0])
    np.testing.assert_array_equal(matrix != 0, truth != 0)
    assert np.any(matrix != 0) or p.law.n_post == 1
    if p.law.k is None or p.law.weights == "constant":
        np.testing.assert_array_equal(matrix, truth)
