"""Products of matrices stored by rows equal those of the dense matrix: in value, under jvp, vjp, twice, and under vmap,
with any combination of a list of active rows, of columns that turn in a ring, and of dtypes."""

import dataclasses

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from neuroeqx import ops
from ops_cases import assert_close, BACKENDS


several = hypothesis.settings(
    max_examples=5, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


@dataclasses.dataclass
class Rows:
    """A random matrix stored by rows, its products, and what they should be."""

    family: str
    n_pre: int
    size: int
    degree: int
    activity: float
    shared: bool
    listed: bool
    turned: bool
    real: str
    weights: str
    seed: int
    backend: str

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        lengths = np.full(self.n_pre, self.degree if self.size else 0)
        if self.family == "csr":
            lengths = rng.binomial(2 * lengths, 0.5)
        nnz, dtype = int(lengths.sum()), self.weights
        self.rows = np.repeat(np.arange(self.n_pre), lengths)
        self.indices = jnp.asarray(rng.integers(0, max(self.size, 1), nnz), jnp.int32)
        self.indptr = jnp.asarray(np.concatenate([[0], np.cumsum(lengths)]), jnp.int32)
        if self.family == "fanout":
            self.indices = self.indices.reshape(self.n_pre, self.degree if self.size else 0)
        self.offset = jnp.int32(rng.integers(0, max(self.size, 1))) if self.turned else None
        # Sums of any number of terms are of the order of one: the sine of a large one would magnify its rounding.
        scale = 1.0 / max(1.0, self.n_pre * self.degree / max(self.size, 1))
        self.weight = jnp.asarray(scale * rng.normal(size=() if self.shared else self.indices.shape), dtype)
        values = lambda *shape: jnp.asarray(rng.normal(size=shape), self.real)
        spikes = lambda *shape: jnp.where(rng.random(shape) < self.activity, values(*shape), 0)
        self.operands = values(self.size), self.weight, spikes(self.n_pre)
        self.tangents = values(self.size), values(*self.weight.shape).astype(dtype), values(self.n_pre)
        self.g = values(self.size)
        self.batch = values(3, self.size), spikes(3, self.n_pre)

    def _options(self, x):
        active = ops.events.compact(x, backend=self.backend) if self.listed else None
        return {"active": active, "offset": self.offset, "backend": self.backend}

    def add(self, out, weight, x):
        if self.family == "csr":
            return ops.csr.add_matvec(out, weight, self.indices, self.indptr, x, **self._options(x))
        return ops.fanout.add_matvec(out, weight, self.indices, x, **self._options(x))

    def gather(self, weight, g):
        options = {"offset": self.offset, "backend": self.backend}
        if self.family == "csr":
            return ops.csr.rmatvec(weight, self.indices, self.indptr, g, **options)
        return ops.fanout.rmatvec(weight, self.indices, g, **options)

    def outer(self, x, g):
        if self.family == "csr":
            return ops.csr.outer(self.indices, self.indptr, x, g, shared=self.shared, **self._options(x))
        return ops.fanout.outer(self.indices, x, g, shared=self.shared, **self._options(x))

    def dense(self, weight):
        columns = self.indices.reshape(-1)
        if self.turned:
            columns = (columns + self.offset) % max(self.size, 1)
        values = jnp.broadcast_to(weight.astype(self.real), self.indices.shape).reshape(-1)
        return jnp.zeros((self.n_pre, self.size), self.real).at[self.rows, columns].add(values)

    def dense_add(self, out, weight, x):
        return out + jnp.matmul(x, self.dense(weight), precision="highest")

    def dense_gather(self, weight, g):
        return jnp.matmul(self.dense(weight), g, precision="highest")

    def dense_outer(self, x, g):
        like = jnp.zeros(self.weight.shape, self.real)
        return jax.vjp(lambda w: jnp.matmul(x, self.dense(w), precision="highest"), like)[1](g)[0]


def everything(add, gather, outer, case):
    """All that is asserted of a matrix, as one tree."""

    def loss(out, weight, x):
        return (jnp.sin(add(out, weight, x)) * case.g).sum()

    gradient = jax.grad(loss, (0, 1, 2))
    outs, xs = case.batch
    _, weight, x = case.operands
    return {
        "value": add(*case.operands),
        "gather": gather(weight, case.g),
        "outer": outer(x, case.g),
        "jvp": jax.jvp(add, case.operands, case.tangents)[1],
        "vjp": gradient(*case.operands),
        "second": jax.jvp(gradient, case.operands, case.tangents)[1],
        "vmap": jax.vmap(add, (0, None, 0))(outs, weight, xs),
        "vmap of gradients": jax.vmap(gradient, (0, None, 0))(outs, weight, xs),
        "vmap of the gather": jax.vmap(gather, (None, 0))(weight, outs),
    }


@pytest.mark.parametrize("family", ["csr", "fanout"])
@pytest.mark.parametrize("backend", BACKENDS)
@several
@hypothesis.given(
    n_pre=st.sampled_from([0, 1, 70, 130]),
    size=st.sampled_from([0, 1, 33]),
    degree=st.sampled_from([0, 1, 5, 40]),
    activity=st.sampled_from([0.0, 0.1, 1.0]),
    shared=st.booleans(),
    listed=st.booleans(),
    turned=st.booleans(),
    dtypes=st.sampled_from(
        [("float32", "float32"), ("float64", "float64"), ("float32", "bfloat16"), ("float64", "bfloat16")]
    ),
    seed=st.integers(0, 2**31),
)
def test_everything_equals_the_dense_matrix(
    family, backend, n_pre, size, degree, activity, shared, listed, turned, dtypes, seed
):
    with jax.enable_x64(dtypes[0] == "float64"):
        case = Rows(family, n_pre, size, degree, activity, shared, listed, turned, *dtypes, seed, backend)
        # What is compiled runs once: optimising it would take most of the time of this test.
        options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
        ours, truth = (
            jax.jit(lambda products=products: everything(*products, case)).lower().compile(options)()
            for products in (
                (case.add, case.gather, case.outer),
                (case.dense_add, case.dense_gather, case.dense_outer),
            )
        )
        assert_close(ours, truth, terms=n_pre * degree / max(size, 1))


def test_a_list_may_be_shorter_than_what_is_active():
    """It is the list that says which rows take part, and what follows it says nothing."""
    x = jnp.ones(5)
    active = jnp.array([3, 1, 4, 0, 2], jnp.int32), jnp.int32(2)
    indices = jnp.arange(5, dtype=jnp.int32)[:, None]
    for backend in BACKENDS:
        y = ops.fanout.matvec(jnp.array(2.0), indices, x, n_post=5, active=active, backend=backend)
        np.testing.assert_array_equal(y, [0, 2, 0, 2, 0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [0, 1, 63, 64, 200])
def test_compact(backend, n):
    x = np.where(np.random.default_rng(n).random((3, n)) < 0.3, 1.0, np.where(np.arange(n) % 2, 0.0, -0.0))
    x[1:] = x[1:] * np.array([0.0, np.nan])[:, None]
    for ids, count, row in zip(
        *jax.vmap(lambda x: ops.events.compact(x, backend=backend))(jnp.asarray(x, "float32")), x, strict=True
    ):
        np.testing.assert_array_equal(ids[:count], np.flatnonzero(row))
        assert (ids.dtype, count.dtype) == (jnp.int32, jnp.int32)


def test_compact_stops_no_gradient():
    """The list has none; the product it is for has all of it."""
    indices = jnp.array([[0], [1]], jnp.int32)

    def loss(x):
        return ops.fanout.matvec(jnp.array(2.0), indices, x, n_post=2, active=ops.events.compact(x)).sum()

    np.testing.assert_array_equal(jax.grad(loss)(jnp.array([1.0, 0.0])), [2.0, 2.0])


@pytest.mark.parametrize(
    "backend, listed, dtype",
    [("native", False, "float32"), ("native", True, "float64"), ("reference", False, "float64")],
    indirect=["dtype"],
)
@pytest.mark.parametrize("family", ["csr", "fanout", "columns"])
def test_weights_in_place(family, backend, listed, dtype):
    """Rows of active sources; with the transposed matrix and its order the columns of active targets."""
    case = Rows(
        "fanout" if family == "fanout" else "csr", 70, 33, 5, 0.2, False, listed, False, dtype, dtype, 0, backend
    )
    (_, weight, x), g, d_g = case.operands, case.g, case.g[::-1]
    if family == "columns":
        x, g, d_g = jnp.where(jnp.arange(33) % 5 == 0, g, 0), x, x[::-1]
        order = np.argsort(case.indices, kind="stable")
        indices = jnp.asarray(case.rows[order], jnp.int32)
        counts = np.bincount(case.indices, minlength=33)
        structure = indices, jnp.asarray(np.concatenate([[0], np.cumsum(counts)]), jnp.int32)
        more = {"order": jnp.asarray(order, jnp.int32)}
        truth = lambda weight, x, g: weight + x[case.indices] * g[case.rows]
    else:
        structure = (case.indices, case.indptr) if family == "csr" else (case.indices,)
        more = {}
        rows = jnp.asarray(case.rows).reshape(case.indices.shape)
        truth = lambda weight, x, g: weight + x[rows] * g[case.indices]

    def ours(weight, x, g):
        active = ops.events.compact(x, backend=backend) if listed else None
        function = ops.fanout.add_outer if family == "fanout" else ops.csr.add_outer
        return function(weight, *structure, x, g, active=active, backend=backend, **more)

    def asserted(f):
        primals, tangents = (weight, x, g), (jnp.cos(weight), jnp.cos(x), d_g)
        gradient = jax.grad(lambda *operands: jnp.sin(f(*operands)).sum(), (0, 1, 2))
        return (
            f(*primals),
            jax.jvp(f, primals, tangents),
            gradient(*primals),
            jax.jvp(gradient, primals, tangents)[1],
            jax.vmap(f, (0, None, 0))(jnp.stack([weight, -weight]), x, jnp.stack([g, d_g])),
        )

    ours, expected = (jax.jit(lambda f=f: asserted(f))() for f in (ours, truth))
    assert_close(ours, expected)


def test_handlers_compare_sizes():
    """Whoever calls a target by hand, or gets a shape wrong when lowering, meets an error and not memory of others."""
    from neuroeqx.ops import _ffi, _row_handlers

    name = _ffi.target("rows_add_matvec", _row_handlers.add_matvec, np.float32, np.float32, np.uint32, None, None)
    call = jax.ffi.ffi_call(name, jax.ShapeDtypeStruct((3,), np.float32), input_output_aliases={0: 0})
    out, weight = jnp.zeros(3), jnp.array(1.0)
    indices, indptr = jnp.array([0, 1], jnp.int32), jnp.array([0, 1, 2], jnp.int32)
    np.testing.assert_array_equal(jax.jit(call)(out, weight, jnp.ones(2), indices, indptr), [1, 1, 0])
    with pytest.raises(jax.errors.JaxRuntimeError, match="shapes that do not belong together"):
        jax.jit(call)(out, weight, jnp.ones(4), indices, indptr)
    with pytest.raises(jax.errors.JaxRuntimeError, match="shapes that do not belong together"):
        jax.jit(call)(out, jnp.ones(3), jnp.ones(2), indices, indptr)


INDICES = jnp.zeros((4, 2), jnp.int32)


def test_kernels_for_gpus_are_refused_elsewhere():
    with pytest.raises(ValueError, match="backend='triton' runs on cuda and rocm only"):
        ops.fanout.matvec(jnp.ones(()), INDICES, jnp.ones(4), n_post=3, backend="triton")
