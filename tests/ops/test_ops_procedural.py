"""Every procedural product, on every backend, is the product with the matrix of the specification."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import procedural_oracle as oracle
import pytest
from jax import lax
from neuroeqx.ops import events, procedural
from neuroeqx.ops.procedural import Grid, Law
from ops_cases import assert_agree, assert_close, BACKENDS
from thorough import all_but


every_backend = pytest.mark.parametrize("backend", BACKENDS)
THETA = {"constant": 0.7, "uniform": [-0.3, 1.1], "normal": [0.6, 0.3]}
GRID = Grid((5, 7), (8, 6), (2, 1))


def make(n_pre, n_post, p=None, *, seed=(1, 2), profile=None, real="float32", **kwargs):
    """A law, its structure, and parameters of the weights."""
    tables = {"seed": jnp.array(seed, jnp.uint32)}
    if profile is not None:
        p, accept = procedural.accept_table(profile)
        tables["accept"] = jnp.asarray(accept)
    if p is not None:
        tables["gaps"] = jnp.asarray(procedural.gap_table(p))
        kwargs["digits"] = tables["gaps"].shape[0]
    tables["normal"] = jnp.asarray(procedural.normal_table())
    law = Law(n_pre, n_post, **kwargs)
    return law, tuple(tables[name] for name in law.names), jnp.asarray(THETA[law.weights], real)


def profile(grid):
    y, x = np.indices(grid.box)
    return 0.9 * np.exp(-((y - grid.radius[0]) ** 2 + (x - grid.radius[1]) ** 2) / 3.0)


def grid_case(grid, **kwargs):
    return make(math.prod(grid.pre), math.prod(grid.post), profile=profile(grid), grid=grid, **kwargs)


CASES = {
    "fixed": lambda **o: make(20, 30, k=9, **o),
    "fixed, one cell": lambda **o: make(1, 1, k=3, **o),
    "fixed, long rows": lambda **o: make(5, 40, k=150, weights="normal", **o),
    "fixed, no autapses": lambda **o: make(70, 70, k=65, autapses=False, weights="uniform", **o),
    "fixed, delays": lambda **o: make(12, 13, k=20, delays=(2, 5), weights="normal", **o),
    "tiny p": lambda **o: make(40, 3000, 1e-4, weights="uniform", **o),
    "p = 0.001": lambda **o: make(30, 3001, 0.001, weights="normal", **o),
    "p = 0.02": lambda **o: make(77, 501, 0.02, **o),
    "p = 0.3": lambda **o: make(31, 129, 0.3, weights="normal", **o),
    "p = 0.9, no autapses": lambda **o: make(80, 80, 0.9, autapses=False, weights="uniform", **o),
    "p = 1": lambda **o: make(9, 65, 1.0, weights="uniform", **o),
    "p = 0.1, delays, no autapses": lambda **o: make(25, 25, 0.1, delays=(1, 4), autapses=False, **o),
    "one delay": lambda **o: make(25, 20, 0.1, delays=(3, 3), **o),
    "one cell": lambda **o: make(1, 1, 0.5, **o),
    "grid": lambda **o: grid_case(GRID, weights="normal", **o),
    "grid, delays": lambda **o: grid_case(GRID, delays=(1, 3), weights="uniform", **o),
    "grid, periodic": lambda **o: grid_case(Grid((6, 9), (6, 9), (2, 4), True), **o),
}
# Compiling the reference is what takes time, and the rules are the same for both.
some_cases = pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("native", "fixed, no autapses"),
        ("native", "p = 0.3"),
        ("native", "grid, delays"),
        ("reference", "grid, delays"),
    ],
)
KERNELS = [("native", "float32"), ("native", "float64"), ("reference", "float32")]
EXACT = [(*kernel, name) for kernel in KERNELS for name in CASES]
USUAL = [
    *(("native", "float32", name) for name in CASES),
    *(("native", "float64", name) for name in ("fixed, delays", "grid")),
    *(("reference", "float32", name) for name in ("fixed, no autapses", "p = 0.02", "grid, delays")),
]


def dense(law, structure):
    """From parameters to the matrix of the specification."""
    rows, columns, values = oracle.synapses(law, structure, real=np.float64)

    def matrix(theta):
        weight = theta + 0.0 * values.astype(theta.dtype) if law.weights == "constant" else None
        if weight is None:
            slope = theta[1] if law.weights == "normal" else theta[1] - theta[0]
            weight = theta[0] + slope * values.astype(theta.dtype)
        return jnp.zeros((law.n_pre, law.columns), theta.dtype).at[rows, columns].add(weight)

    return matrix


def operands(law, real="float32", activity=0.4, batch=()):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*batch, law.n_pre)) * (rng.random((*batch, law.n_pre)) < activity)
    g, out = rng.normal(size=(2, *batch, law.columns))
    return tuple(jnp.asarray(v, real) for v in (out, x, g))


@pytest.mark.parametrize(("backend", "dtype", "name"), all_but(EXACT, USUAL), indirect=["dtype"])
def test_synapses_are_those_of_the_specification(backend, dtype, name):
    """To the bit: places, draws, delays and weights, one row after the other and all at once."""
    law, structure, theta = CASES[name](real=dtype)
    rows, columns, values = oracle.synapses(law, structure, real=np.dtype(dtype).type)
    truth = np.zeros((law.n_pre, law.columns), dtype)
    np.add.at(truth, (rows, columns), oracle.weights(law, theta, values))
    product = lambda x: procedural.matvec(theta, structure, x, law=law, backend=backend)
    every = jnp.eye(law.n_pre, dtype=dtype)
    ways = [jax.vmap(product)] if backend == "reference" else [jax.vmap(product), lambda every: lax.map(product, every)]
    found = jax.jit(lambda every: [way(every) for way in ways])(every)
    number = np.zeros(truth.shape, int)
    np.add.at(number, (rows, columns), 1)
    for matrix in map(np.asarray, found):
        assert matrix.dtype == dtype
        np.testing.assert_array_equal(matrix[number < 3], truth[number < 3])
        np.testing.assert_allclose(matrix, truth, rtol=1e-6, atol=0)  # sums of three depend on their order
    assert np.any(truth) or name == "one cell"


@pytest.mark.parametrize(
    ("n", "p", "rows"),
    [(5 * 10**6, 3e-7, 40), (10**6, 1e-6, 60), (10**5, 1e-4, 5), (10**5, 1e-3, 3), (5003, 0.02, 3), (999, 1.0, 2)],
)
def test_wide_rows(n, p, rows):
    law, structure, theta = make(1000, n, p, weights="normal", seed=(2**32 - 1, 77))
    chosen = np.unique(np.random.default_rng(1).integers(0, 1000, rows))
    at, columns, values = oracle.synapses(law, structure, chosen)
    truth = np.zeros(n, np.float32)
    np.add.at(truth, columns, oracle.weights(law, theta, values) * np.where(at % 2, 1.0, -1.0).astype(np.float32))
    x = jnp.zeros(1000).at[chosen].set(np.where(chosen % 2, 1.0, -1.0))
    products = [jax.jit(lambda x, b=b: procedural.matvec(theta, structure, x, law=law, backend=b))(x) for b in BACKENDS]
    for y in products:
        np.testing.assert_allclose(y, truth, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(np.asarray(y) != 0, truth != 0)
    counts, found, _ = procedural.rows_of(structure, chosen, law=law)
    np.testing.assert_array_equal(found, columns)
    np.testing.assert_array_equal(np.repeat(chosen, counts), at)


@pytest.mark.parametrize("p", [1e-12, 1e-6, 1e-4, 6e-4, 7e-4, 0.001, 0.02, 0.3, 0.5, 0.9, 1.0])
def test_tables_of_gaps_are_exact(p):
    """Each digit has its probability to a rounding of the cumulative law, and all words are used."""
    gaps = procedural.gap_table(p)
    assert len(gaps) == (2 if p < 6.7e-4 else 1)
    for count, truth in zip(oracle.law_of_gaps(gaps), oracle.geometric(p, len(gaps)), strict=True):
        assert sum(count) == 2**32
        np.testing.assert_allclose(np.array(count) / 2**32, truth, rtol=0, atol=1.01 * 2**-32)


def test_normal_deviates_are_normal():
    """All along the table, the borders of pieces and octaves included."""
    from scipy.special import ndtri

    u = np.unique(np.concatenate([[b + d for b in 2 ** np.arange(8, 32) for d in (-2, -1, 0, 1)], np.arange(400),
                                  (2 ** np.linspace(0, 31, 100_001)).astype(int)]))  # fmt: skip
    u = u[(u >= 0) & (u < 2**31)].astype(np.int64)
    s = np.maximum(np.floor(np.log2(np.maximum(u, 1))).astype(int) - 6, 0)
    value, fall = procedural.normal_table().astype(np.int64)[64 * s + (u >> s)].T
    z = (value - (fall * ((u << (32 - s)) & 0xFFFFFFFF) >> 32)) * 2.0**-26
    np.testing.assert_allclose(z, -ndtri((u + 0.5) / 2**32), rtol=0, atol=7e-6)


@some_cases
def test_products_and_derivatives_equal_those_of_the_matrix(name, backend, x64):
    law, structure, theta = CASES[name](real="float64")
    matrix = dense(law, structure)
    out, x, g = operands(law, "float64")
    kwargs = {"law": law, "backend": backend}
    add = lambda out, theta, x: procedural.add_matvec(out, theta, structure, x, **kwargs)
    gather = lambda theta, g: procedural.rmatvec(theta, structure, g, **kwargs)
    outer = lambda x, g: procedural.outer(structure, x, g, **kwargs)
    true_outer = lambda x, g: jax.grad(lambda theta: x @ matrix(theta) @ g)(theta)

    def everything(add, gather, outer):
        def run(out, theta, x, g):
            loss = lambda out, theta, x, g: jnp.sum(jnp.sin(add(out, theta, x)) * g) + jnp.sum(
                jnp.cos(gather(theta, g)) * x
            ) + jnp.sum(outer(jnp.sin(x), g) ** 2)  # fmt: skip
            args, tangents = (out, theta, x, g), (out**2, theta - 0.2, jnp.cos(x), g + 1.0)
            gradient = jax.grad(loss, (0, 1, 2, 3))
            if backend == "reference":  # what takes a minute to compile; the rules of further derivatives are the same
                return add(out, theta, x), gather(theta, g), outer(x, g), gradient(*args)
            second = jax.jvp(gradient, args, tangents)[1]
            mixed = jax.grad(lambda *args: sum(jnp.sum(jnp.tanh(d)) for d in gradient(*args)), (1, 2))(*args)
            return add(out, theta, x), gather(theta, g), outer(x, g), gradient(*args), second, mixed

        return run

    truth = everything(lambda out, theta, x: out + x @ matrix(theta), lambda theta, g: matrix(theta) @ g, true_outer)
    assert_agree(everything(add, gather, outer), truth, out, theta, x, g)


@pytest.mark.parametrize(
    ("backend", "name", "members"),
    [
        ("native", "fixed, no autapses", 3),
        ("native", "p = 0.3", 67),
        ("native", "grid, delays", 67),
        ("reference", "p = 0.3", 3),
    ],
)
def test_batches(name, backend, members):
    """Also of more members than are handled together, some of them silent, and nested."""
    law, structure, theta = CASES[name]()
    out, x, g = operands(law, activity=0.05, batch=(members,))
    x = x.at[1].set(0.0)
    matrix = dense(law, structure)(theta)
    kwargs = {"law": law, "backend": backend}
    add = jax.vmap(lambda out, x: procedural.add_matvec(out, theta, structure, x, **kwargs))
    gather = jax.vmap(lambda g: procedural.rmatvec(theta, structure, g, **kwargs))
    outer = lambda theta, x, g: jnp.sum(jax.vmap(lambda x: procedural.matvec(theta, structure, x, **kwargs))(x) * g)

    def run(out, x, g):
        nested = jax.vmap(add)(jnp.stack([out, g]), jnp.stack([x, x + 1.0]))
        return add(out, x), gather(g), jax.grad(outer)(theta, x, g), nested

    def truth(out, x, g):
        by_theta = jax.grad(lambda theta: jnp.sum((x @ dense(law, structure)(theta)) * g))(theta)
        nested = jnp.stack([out + x @ matrix, g + (x + 1.0) @ matrix])
        return out + x @ matrix, g @ matrix.T, by_theta, nested

    with jax.default_matmul_precision("highest"):
        assert_agree(run, truth, out, x, g)


@every_backend
def test_vmap_over_seeds_and_weights(backend):
    law, structure, theta = make(12, 40, 0.2, weights="normal")
    seeds = jnp.arange(6, dtype=jnp.uint32).reshape(3, 2)
    thetas = jnp.stack([theta, 2 * theta, theta - 1])
    x = operands(law)[1]
    ours = jax.vmap(lambda seed, theta: procedural.matvec(theta, (seed, *structure[1:]), x, law=law, backend=backend))
    truth = [x @ dense(law, (seed, *structure[1:]))(theta) for seed, theta in zip(seeds, thetas, strict=True)]
    assert_close(ours(seeds, thetas), jnp.stack(truth))
    assert not np.allclose(truth[0] / truth[1], 0.5)


@every_backend
@pytest.mark.parametrize("name", ["fixed, delays", "p = 0.02"])
def test_offsets_turn_the_columns(name, backend):
    law, structure, theta = CASES[name]()
    extra = 7  # a ring may be longer than the delays
    size = law.columns + extra
    rng = np.random.default_rng(0)
    out, g = jnp.asarray(rng.normal(size=(2, size)), jnp.float32)
    x = operands(law)[1]
    matrix = jnp.pad(dense(law, structure)(theta), ((0, 0), (0, extra)))

    def run(out, x, g):
        kwargs = {"law": law, "backend": backend}
        results = []
        for offset in map(jnp.int32, (0, 5, size - 1)):
            add = procedural.add_matvec(out, theta, structure, x, offset=offset, **kwargs)
            gather = procedural.rmatvec(theta, structure, g, offset=offset, **kwargs)
            results.append((add, gather, procedural.outer(structure, x, g, offset=offset, **kwargs)))
        return results

    def truth(out, x, g):
        by_theta = lambda g: jax.grad(lambda t: x @ dense(law, structure)(t) @ g[: law.columns])(theta)
        turned = [jnp.roll(matrix, offset, axis=1) for offset in (0, 5, size - 1)]
        back = [jnp.roll(g, -offset) for offset in (0, 5, size - 1)]
        return [(out + x @ w, w @ g, by_theta(b)) for w, b in zip(turned, back, strict=True)]

    with jax.default_matmul_precision("highest"):
        assert_agree(run, truth, out, x, g)


@some_cases
def test_lists_of_active_rows(name, backend):
    law, structure, theta = CASES[name]()
    out, x, g = operands(law)
    kwargs = {"law": law, "backend": backend}

    def run(x, active):
        add = procedural.add_matvec(out, theta, structure, x, active=active, **kwargs)
        return add, procedural.outer(structure, x, g, active=active, **kwargs)

    listed = lambda x: run(x, events.compact(x))
    batch = lambda x: jnp.stack([x, 0 * x, x[::-1]])
    every = lambda run: lambda x: (run(x), jax.vmap(run)(batch(x)) if backend == "native" else None)
    assert_agree(every(listed), every(lambda x: run(x, None)), x)


@every_backend
def test_more_active_rows_than_a_list_holds(backend):
    law, structure, theta = make(1111, 90, 0.02, weights="uniform")
    out, x, g = operands(law, activity=0.9)
    matrix = dense(law, structure)(theta)
    with jax.default_matmul_precision("highest"):
        ours = procedural.add_matvec(out, theta, structure, x, law=law, backend=backend)
        assert_close(ours, out + x @ matrix)
        batch = jnp.stack([x, jnp.where(jnp.arange(1111) % 3 == 0, x, 0)])
        ours = jax.vmap(lambda x: procedural.matvec(theta, structure, x, law=law, backend=backend))(batch)
        assert_close(ours, batch @ matrix)
        assert_close(procedural.rmatvec(theta, structure, g, law=law, backend=backend), matrix @ g)


@every_backend
def test_silent_rows_contribute_nothing_and_nan_reaches_its_targets_only(backend):
    law, structure, _ = make(60, 50, 0.1)
    product = lambda theta, x: procedural.matvec(jnp.float32(theta), structure, x, law=law, backend=backend)
    hit = np.asarray(dense(law, structure)(jnp.float32(1.0)))[13] != 0
    assert 0 < hit.sum() < 50
    spike = jnp.zeros(60).at[13].set(jnp.nan)
    np.testing.assert_array_equal(np.isnan(product(1.0, spike)), hit)
    batch = jax.vmap(lambda x: product(1.0, x))(jnp.stack([jnp.zeros(60), spike]))
    np.testing.assert_array_equal(np.isnan(batch), np.stack([0 * hit, hit]))
    np.testing.assert_array_equal(np.isfinite(product(np.inf, jnp.zeros(60).at[13].set(1.0))), ~hit)


@every_backend
def test_weights_in_half_precision(backend):
    law, structure, theta = make(20, 30, 0.3, weights="normal")
    half = theta.astype(jnp.bfloat16)
    x, g = operands(law)[1:]
    f = lambda theta, x, g: (
        procedural.matvec(theta, structure, x, law=law, backend=backend),
        procedural.rmatvec(theta, structure, g, law=law, backend=backend),
    )
    assert_close(f(half, x, g), f(half.astype(jnp.float32), x, g))
    assert jax.grad(lambda t: f(t, x, g)[0].sum())(half).dtype == jnp.bfloat16


@every_backend
@pytest.mark.parametrize(("n_pre", "n_post", "p", "k"), [(0, 5, 0.5, None), (5, 0, 0.5, None), (5, 4, None, 0)])
def test_nothing_to_draw(backend, n_pre, n_post, p, k):
    law, structure, theta = make(n_pre, n_post, p, **({} if k is None else {"k": k}))
    out, x, g = operands(law, activity=1.0)
    kwargs = {"law": law, "backend": backend}
    np.testing.assert_array_equal(procedural.add_matvec(out, theta, structure, x, **kwargs), out)
    np.testing.assert_array_equal(procedural.rmatvec(theta, structure, g, **kwargs), np.zeros(n_pre))
    assert procedural.outer(structure, x, g, **kwargs) == 0.0
    assert procedural.rows_of(structure, np.arange(n_pre), law=law)[1].size == 0
    alone, structure, theta = make(1, 1, k=3, autapses=False)
    assert procedural.matvec(theta, structure, jnp.ones(1), law=alone, backend=backend) == 0.0


@every_backend
def test_inside_a_loop(backend, no_leaks):
    law, structure, theta = make(40, 40, 0.1, weights="normal", autapses=False)
    x = jnp.stack([operands(law)[1] * s for s in (1.0, 0.0, -2.0)])

    def run(add):
        def step(state, x):
            state = add(state * 0.5, theta, x)
            return state, state

        def loss(theta, x):
            return jnp.sum(lax.scan(lambda s, x: (add(s * 0.5, theta, x),) * 2, jnp.ones(40), x)[1] ** 2)

        with no_leaks():
            return jax.jit(lambda x: lax.scan(step, jnp.ones(40), x))(x), jax.jit(jax.grad(loss, (0, 1)))(theta, x)

    matrix = dense(law, structure)
    true = lambda out, theta, x: out + jnp.matmul(x, matrix(theta), precision="highest")
    ours = lambda out, theta, x: procedural.add_matvec(out, theta, structure, x, law=law, backend=backend)
    assert_close(run(ours), run(true))


OK = {"n_pre": 4, "n_post": 5}


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"n_pre": -1, "n_post": 2, "k": 1}, "sizes must not be negative"),
        (OK, "either `k` is a number of synapses or `digits` is 1 or 2"),
        (OK | {"k": 3, "digits": 1}, "either `k`"),
        (OK | {"k": -3}, "either `k`"),
        (OK | {"k": 3, "autapses": False}, "needs as many sources as targets"),
        (OK | {"k": 3, "delays": (0, 2)}, "1 <= low <= high"),
        (OK | {"k": 3, "delays": (3, 2)}, "1 <= low <= high"),
        (OK | {"digits": 1, "grid": GRID}, "the grid has 35 x 48 cells"),
        ({"n_pre": 4, "n_post": 2**20, "k": 3, "delays": (1, 2**11)}, "too large"),
    ],
)
def test_laws_are_checked(law, message):
    with pytest.raises(ValueError, match=message):
        Law(**law)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (((0, 1), (1, 1), (1, 1)), "sides must be positive"),
        (((2, 2), (2, 2), (-1, 1)), "radius must not be negative"),
        (((9, 9), (9, 4), (1, 2), True), "cannot hold a radius"),
    ],
)
def test_grids_are_checked(grid, message):
    with pytest.raises(ValueError, match=message):
        Grid(*grid)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": jnp.zeros(4, jnp.int32)}, TypeError, r"\bx\b"),
        ({"x": jnp.zeros(6)}, ValueError, "x has length 6, but the matrix has 4 rows"),
        ({"weight": jnp.zeros(())}, ValueError, r"weight has shape \(\), but normal weights have \(2,\)"),
        ({"weight": jnp.zeros(2, jnp.float16)}, TypeError, "x has dtype float32 and weight has float16"),
        ({"structure": ()}, ValueError, "structure has 0 arrays, but the law needs 3: seed, gaps, normal"),
        ({"structure": (jnp.zeros(2, jnp.int32),) * 3}, TypeError, r"seed is int32\[2\], expected uint32\[2\]"),
        ({"structure": (jnp.zeros(2, jnp.uint32),) * 3}, TypeError, r"gaps is uint32\[2\], expected uint32\[1, 1024\]"),
        ({"backend": "cuda"}, (TypeError, ValueError), "backend"),
        ({"out": jnp.zeros(4)}, ValueError, "out has length 4, but the matrix has 5 columns"),
        ({"offset": jnp.zeros(1, jnp.int32)}, TypeError, r"offset"),
        ({"active": (jnp.zeros(3, jnp.int32), jnp.int32(0))}, ValueError, "active is"),
    ],
)
def test_errors(change, error, message):
    law, structure, theta = make(4, 5, 0.5, weights="normal")
    arguments = {"out": jnp.zeros(5), "weight": theta, "structure": structure, "x": jnp.zeros(4)} | change
    with pytest.raises(error, match=message):
        procedural.add_matvec(**arguments, law=law)


@pytest.mark.parametrize("p", [0.0, 1.5, -1.0, float("nan")])
def test_gaps_need_a_probability(p):
    with pytest.raises(ValueError, match="gap_table: p must be a probability above 0"):
        procedural.gap_table(p)
