"""Every CSR product, on every backend, is the product with `todense()`: in value, under jvp, vjp and vmap."""

from concurrent.futures import ThreadPoolExecutor

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from jax import lax
from neuroeqx.ops import csr
from ops_cases import assert_agree, assert_close, BACKENDS, Case
from thorough import all_but


REALS = ("float32", "float64")
every_backend = pytest.mark.parametrize("backend", BACKENDS)
# The rules are the same for every backend and precision, and the reference does not know precisions.
every_kernel = pytest.mark.parametrize(
    ("backend", "dtype"),
    [("native", "float32"), ("native", "float64"), ("reference", "float32")],
    indirect=["dtype"],
)
LOOPS = [(backend, shared) for backend in BACKENDS for shared in (False, True)]
every_weight = pytest.mark.parametrize("shared", [False, True], ids=["each", "shared"])
several = hypothesis.settings(
    max_examples=7, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


def add_matvec(case, backend):
    return lambda out, weight, x: csr.add_matvec(out, weight, case.indices, case.indptr, x, backend=backend)


def rmatvec(case, backend):
    return lambda weight, g: csr.rmatvec(weight, case.indices, case.indptr, g, backend=backend)


def values(case, backend):
    indices, indptr = case.indices, case.indptr
    return lambda out, weight, x, g: (
        csr.matvec(weight, indices, indptr, x, n_post=case.n_post, backend=backend),
        csr.add_matvec(out, weight, indices, indptr, x, backend=backend),
        csr.rmatvec(weight, indices, indptr, g, backend=backend),
        csr.outer(indices, indptr, x, g, backend=backend),
        csr.outer(indices, indptr, x, g, shared=True, backend=backend),
    )


def dense_values(case):
    def function(out, weight, x, g):
        outer = (x[:, None] * g[None, :])[case.rows, case.indices]
        product = case.dense_add(jnp.zeros_like(out), weight, x)
        return product, case.dense_add(out, weight, x), case.dense_gather(weight, g), outer, outer.sum()

    return function


def assert_values(case, backend):
    assert_agree(values(case, backend), dense_values(case), case.out, case.weight, case.x, case.g)


@pytest.mark.parametrize("real", REALS)
@every_backend
@several
@hypothesis.given(
    n_pre=st.sampled_from([0, 1, 64, 127, 300]),
    n_post=st.sampled_from([0, 1, 16, 61]),
    density=st.sampled_from([0.0, 0.05, 0.5]),
    activity=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    shared=st.booleans(),
    wide_pointers=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_values(real, backend, n_pre, n_post, density, activity, shared, wide_pointers, seed):
    with jax.enable_x64(real == "float64"):
        index = "int64" if wide_pointers and real == "float64" else "int32"
        case = Case(n_pre, n_post, density, activity, shared, real, index, seed)
        assert_values(case, backend)


def derivatives(function, primals, tangents):
    """Values, first and second derivatives of an array function, in all combinations of modes."""
    loss = lambda *primals: jnp.sum(jnp.sin(function(*primals)))
    every = tuple(range(len(primals)))
    gradient = jax.grad(loss, every)
    along = lambda *primals: sum(jnp.vdot(a, b) for a, b in zip(gradient(*primals), tangents, strict=True))
    return (
        jax.jvp(function, primals, tangents),
        gradient(*primals),
        jax.jvp(gradient, primals, tangents),  # forward over reverse
        jax.grad(along, every)(*primals),  # reverse over reverse
        jax.grad(lambda *primals: jax.jvp(loss, primals, tangents)[1], every)(*primals),  # reverse over forward
    )


@every_weight
@every_backend
def test_derivatives(backend, shared):
    case = Case(70, 40, shared=shared)
    primals = case.out, case.weight, case.x
    tangents = case.normal(case.n_post), case.normal(*case.weight.shape), case.normal(case.n_pre)
    of = lambda function: lambda *operands: derivatives(function, *operands)
    assert_agree(of(add_matvec(case, backend)), of(case.dense_add), primals, tangents)
    primals, tangents = (case.weight, case.g), (tangents[1], tangents[0])
    assert_agree(of(rmatvec(case, backend)), of(case.dense_gather), primals, tangents)


@every_weight
@every_backend
def test_derivatives_of_outer(backend, shared):
    case = Case(60, 30)
    ours = lambda x, g: csr.outer(case.indices, case.indptr, x, g, shared=shared, backend=backend)

    def truth(x, g):
        outer = (x[:, None] * g[None, :])[case.rows, case.indices]
        return outer.sum() if shared else outer

    tangents = case.normal(case.n_pre), case.normal(case.n_post)
    of = lambda function: lambda *operands: derivatives(function, *operands)
    assert_agree(of(ours), of(truth), (case.x, case.g), tangents)


@pytest.mark.parametrize(("n_pre", "n_post", "density"), [(0, 3, 1), (3, 0, 1), (0, 0, 1), (4, 3, 0), (1, 1, 1)])
@every_backend
def test_gradients_of_nothing(backend, n_pre, n_post, density):
    case = Case(n_pre, n_post, density)

    def gradients(add, gather):
        loss = lambda out, weight, x, g: jnp.sum(jnp.sin(add(out, weight, x))) + jnp.sum(jnp.sin(gather(weight, g)))
        gradient = jax.grad(loss, (0, 1, 2, 3))
        batch = lambda out, weight, x, g: jax.vmap(gradient, (0, None, 0, 0))(out[None], weight, x[None], g[None])
        return lambda *operands: (gradient(*operands), batch(*operands))

    ours = gradients(add_matvec(case, backend), rmatvec(case, backend))
    truth = gradients(case.dense_add, case.dense_gather)
    assert_agree(ours, truth, case.out, case.weight, case.x, case.g)


# The widths of a pack are 16 and 8: less than one, one with a rest, several with a rest.
@pytest.mark.parametrize(
    ("members", "activity", "shared"),
    [(3, 0.5, False), (19, 0.5, True), (24, 0.5, False), (24, 0.01, True)],
)
@every_kernel
def test_batch(dtype, backend, shared, activity, members):
    case = Case(83, 45, activity=activity, shared=shared, real=dtype)
    x, out, g = case.spikes(members), case.normal(members, case.n_post), case.normal(members, case.n_post)
    x = x.at[0].set(0).at[-1].set(1)  # members that differ much in activity

    def everything(add, gather):
        def function(out, weight, x, g):
            values, pull = jax.vjp(lambda weight, x: jax.vmap(add, (0, None, 0))(out, weight, x), weight, x)
            rvalues, rpull = jax.vjp(jax.vmap(gather, (None, 0)), weight, g)
            return values, pull(g), rvalues, rpull(x)

        return function

    ours = everything(add_matvec(case, backend), rmatvec(case, backend))
    assert_agree(ours, everything(case.dense_add, case.dense_gather), out, case.weight, x, g)


@pytest.mark.parametrize(
    "axes", [(0, None, None), (None, None, 0), (1, None, 0), (0, None, 1), (None, 0, None), (0, 0, 0)], ids=str
)
@every_backend
def test_vmap_axes(backend, axes):
    case = Case(20, 11)
    members = 4
    unbatched = case.out, case.weight, case.x
    batched = case.normal(members, case.n_post), case.normal(members, case.nnz), case.spikes(members)
    operands = [
        one if axis is None else jnp.moveaxis(many, 0, axis)
        for one, many, axis in zip(unbatched, batched, axes, strict=True)
    ]

    def everything(add):
        loss = lambda f: lambda *operands: jnp.sum(jnp.sin(f(*operands)))
        gradients = jax.vmap(jax.grad(loss(add), (0, 1, 2)), axes)
        gradient_of_all = jax.grad(loss(jax.vmap(add, axes)), (0, 1, 2))
        return lambda *operands: (jax.vmap(add, axes)(*operands), gradients(*operands), gradient_of_all(*operands))

    assert_agree(everything(add_matvec(case, backend)), everything(case.dense_add), *operands)


@every_backend
def test_nested_vmap(backend):
    case = Case(20, 11)
    x, out, g = case.spikes(3, 2), case.normal(2, case.n_post), case.normal(3, 2, case.n_post)
    weights = case.normal(2, case.nnz)
    twice = lambda f, inner, outer: jax.vmap(jax.vmap(f, inner), outer)

    def everything(add, gather):
        return lambda out, weights, x, g: (
            twice(add, (0, None, 0), (None, None, 0))(out, weights[0], x),
            twice(add, (None, None, 0), (0, None, None))(out, weights[0], x[:, 0]),
            twice(add, (None, 0, 0), (None, None, 0))(out[0], weights, x),
            twice(add, (0, 0, None), (None, None, 0))(out, weights, x[:, 0]),
            twice(gather, (None, 0), (None, 0))(weights[0], g),
            twice(gather, (0, 0), (None, 0))(weights, g),
        )

    ours = everything(add_matvec(case, backend), rmatvec(case, backend))
    assert_agree(ours, everything(case.dense_add, case.dense_gather), out, weights, x, g)


@every_backend
def test_vmap_over_connectivity(backend):
    cases = [Case(9, 5, density=1.0, seed=seed) for seed in range(3)]
    stack = lambda name: jnp.stack([getattr(case, name) for case in cases])
    ours = jax.vmap(lambda w, i, p, x: csr.matvec(w, i, p, x, n_post=5, backend=backend))
    ours = ours(*map(stack, ("weight", "indices", "indptr", "x")))
    truth = jnp.stack([case.dense_add(0 * case.out, case.weight, case.x) for case in cases])
    assert_close(ours, truth)


@every_kernel
def test_more_events_than_the_list_holds(dtype, backend):
    for n_pre, activity in ((257, 1.0), (700, 0.9)):
        assert_values(Case(n_pre, 30, activity=activity, real=dtype), backend)


@every_backend
def test_more_synapses_than_a_chunk(backend):
    assert_values(Case(500, 200, activity=0.5), backend)  # 10,000 synapses in active rows


@every_kernel
@pytest.mark.parametrize("members", [None, 2, 20])
def test_nan_reaches_its_targets_only(dtype, backend, members):
    case = Case(100, 80, density=0.02, activity=1.0, real=dtype)
    row = int(case.rows[0])
    x = case.x.at[row].set(jnp.nan)
    product = lambda x: csr.matvec(case.weight, case.indices, case.indptr, x, n_post=80, backend=backend)
    y = product(x) if members is None else jax.vmap(product)(jnp.broadcast_to(x, (members, 100)))[-1]
    hit = np.zeros(80, bool)
    hit[np.asarray(case.indices)[case.rows == row]] = True
    np.testing.assert_array_equal(np.isnan(y), hit)


@every_backend
def test_silent_rows_are_not_read(backend):
    case = Case(100, 80, activity=0.3)
    silent = np.asarray(case.x)[case.rows] == 0
    weight = jnp.where(silent, jnp.inf, case.weight)
    y = csr.matvec(weight, case.indices, case.indptr, case.x, n_post=80, backend=backend)
    assert_close(y, case.dense_add(0 * case.out, case.weight, case.x))


def test_backends_agree_on_infinite_values():
    case = Case(100, 80)
    x = case.x.at[3].set(jnp.inf).at[4].set(-jnp.inf)
    for f in (
        lambda b: csr.matvec(case.weight, case.indices, case.indptr, x, n_post=80, backend=b),
        lambda b: csr.rmatvec(case.weight, case.indices, case.indptr, case.g.at[5].set(jnp.inf), backend=b),
    ):
        finite, truth = map(np.asarray, (f("native"), f("reference")))
        np.testing.assert_array_equal(np.isfinite(finite), np.isfinite(truth))
        np.testing.assert_array_equal(finite[~np.isfinite(truth)], truth[~np.isfinite(truth)])


@pytest.mark.parametrize(("backend", "shared"), all_but(LOOPS, [("native", False), ("reference", True)]))
def test_inside_a_loop(backend, shared, no_leaks):
    """Values and gradients through time, with leaks of tracers checked."""
    case = Case(40, 40, shared=shared)

    def run(add):
        def step(state, x):
            state = add(state * 0.5, case.weight, x)
            return state, state

        def loss(weight, x):
            return jnp.sum(lax.scan(lambda s, x: (add(s * 0.5, weight, x),) * 2, case.out, x)[1] ** 2)

        x = jnp.stack([case.x, case.x * 2, case.x * 0, case.x])
        with no_leaks():
            return jax.jit(lambda x: lax.scan(step, case.out, x))(x), jax.jit(jax.grad(loss, (0, 1)))(case.weight, x)

    assert_close(run(add_matvec(case, backend)), run(case.dense_add))


@every_backend
def test_without_jit(backend):
    case = Case(20, 10)
    with jax.disable_jit():
        y = csr.matvec(case.weight, case.indices, case.indptr, case.x, n_post=10, backend=backend)
    assert_close(y, case.dense_add(0 * case.out, case.weight, case.x))


def test_several_threads_at_once():
    case = Case(3000, 500, density=0.02)
    x = case.spikes(40)
    product = jax.jit(lambda x: csr.matvec(case.weight, case.indices, case.indptr, x, n_post=500))
    with ThreadPoolExecutor(4) as pool:
        ours = jnp.stack(list(pool.map(product, x)))
    assert_close(ours, case.dense_add(jnp.zeros_like(ours), case.weight, x))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": jnp.zeros(4, bool)}, TypeError, r"\bx\b"),
        ({"x": jnp.zeros(4, jnp.int32)}, TypeError, r"\bx\b"),
        ({"x": jnp.zeros(4, jnp.float16)}, TypeError, r"x has dtype float16"),
        ({"weight": jnp.zeros((), jnp.float16)}, TypeError, r"x has dtype float32 and weight has float16"),
        ({"x": jnp.zeros(5)}, ValueError, r"x has length 5, but the matrix has 4 rows"),
        ({"weight": jnp.zeros(1)}, (TypeError, ValueError), r"weight|indices"),
        ({"indices": jnp.zeros(2)}, TypeError, r"indices"),
        ({"indices": jnp.zeros(2, jnp.uint16)}, TypeError, r"indices"),
        ({"indptr": jnp.zeros(0, jnp.int32)}, TypeError, r"indptr is int32\[0\]"),
        ({"backend": "cuda"}, (TypeError, ValueError), r"backend"),
    ],
)
def test_errors(change, error, message):
    operands = {
        "weight": jnp.zeros(2),
        "indices": jnp.zeros(2, jnp.int32),
        "indptr": jnp.array([0, 1, 1, 2, 2], jnp.int32),
        "x": jnp.zeros(4),
    }
    with pytest.raises(error, match=message):
        csr.matvec(**(operands | change), n_post=3)


def test_dtype_of_the_accumulator():
    case = Case(4, 3)
    with pytest.raises(TypeError, match="out has dtype float16"):
        csr.add_matvec(case.out.astype(jnp.float16), case.weight, case.indices, case.indptr, case.x)
