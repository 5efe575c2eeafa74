"""The dense product, with and without events, is the product."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from neuroeqx.ops import dense
from ops_cases import assert_agree, assert_close, BACKENDS


every_backend = pytest.mark.parametrize("backend", BACKENDS)


def operands(n_pre, n_post, activity, real, seed=0):
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.normal(size=shape)
    x = np.where(rng.random(n_pre) < activity, normal(n_pre), -0.0)
    return [jnp.asarray(value, real) for value in (normal(n_post), normal(n_pre, n_post), x)]


def truth(out, weight, x):
    return out + jnp.matmul(x, weight, precision="highest")


# Around the width of a vector (16, 8), a group of rows (4), a block of the search (64) and the list of events (256).
@pytest.mark.parametrize(
    ("n_pre", "n_post", "activity"),
    [(70, 35, 0.1), (63, 16, 1.0), (600, 7, 1.0), (1, 1, 1.0), (100, 40, 0.0), (0, 3, 1.0), (3, 0, 1.0)],
)
@every_backend
def test_values(dtype, backend, n_pre, n_post, activity):
    out, weight, x = operands(n_pre, n_post, activity, dtype)
    assert_close(dense.add_matvec(out, weight, x, backend=backend), truth(out, weight, x))
    assert_close(dense.matvec(weight, x, backend=backend), truth(jnp.zeros_like(out), weight, x))


def derivatives(function):
    def loss(*primals):
        return jnp.sum(jnp.sin(function(*primals)))

    gradient = jax.grad(loss, (0, 1, 2))

    def everything(primals, tangents):
        along = lambda *primals: sum(jnp.vdot(a, b) for a, b in zip(gradient(*primals), tangents, strict=True))
        return (
            jax.jvp(function, primals, tangents),
            gradient(*primals),
            jax.jvp(gradient, primals, tangents),
            jax.grad(along, (0, 1, 2))(*primals),
            jax.linear_transpose(lambda x: function(0 * primals[0], primals[1], x), primals[2])(primals[0]),
        )

    return everything


@every_backend
def test_derivatives(backend):
    primals, tangents = operands(70, 35, 0.2, "float32"), operands(70, 35, 1.0, "float32", seed=1)
    ours = lambda *primals: dense.add_matvec(*primals, backend=backend)
    assert_agree(derivatives(ours), derivatives(truth), tuple(primals), tuple(tangents))


@pytest.mark.parametrize("axes", [(None, None, 0), (0, 1, 0), (1, None, None)], ids=str)
@every_backend
def test_vmap(backend, axes):
    stacked = [
        jnp.stack(values) for values in zip(*(operands(20, 9, 0.3, "float32", s) for s in range(4)), strict=True)
    ]
    args = [many[0] if axis is None else jnp.moveaxis(many, 0, axis) for many, axis in zip(stacked, axes, strict=True)]

    def everything(function):
        loss = lambda *args: jnp.sum(jnp.sin(jax.vmap(function, axes)(*args)))
        each = jax.vmap(jax.grad(lambda *args: jnp.sum(jnp.sin(function(*args))), (0, 1, 2)), axes)
        return lambda *args: (jax.vmap(function, axes)(*args), jax.grad(loss, (0, 1, 2))(*args), each(*args))

    assert_agree(everything(lambda *args: dense.add_matvec(*args, backend=backend)), everything(truth), *args)


@every_backend
def test_nan_propagates(backend):
    out, weight, x = operands(70, 20, 0.2, "float32")
    assert np.isnan(dense.add_matvec(out, weight, x.at[5].set(jnp.nan), backend=backend)).all()


def test_silent_rows_are_not_read():
    out, weight, x = operands(70, 20, 0.2, "float32")
    poisoned = jnp.where(x[:, None] == 0, jnp.nan, weight)
    assert_close(dense.add_matvec(out, poisoned, x, backend="native"), truth(out, weight, x))


def test_in_place_in_a_loop():
    out, weight, x = operands(64, 64, 0.2, "float32")

    def loop(out, weight, x):
        return lax.fori_loop(0, 5, lambda i, out: dense.add_matvec(out, weight, x), out)

    compiled = jax.jit(loop, donate_argnums=0).lower(out, weight, x).compile()
    assert "neuroeqx_dense_add_matvec_float32" in compiled.as_text()
    assert "f32[64]{0} copy(" not in compiled.as_text()
    assert_close(compiled(jnp.array(out), weight, x), truth(out, weight, 5 * x))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": jnp.zeros(4, bool)}, TypeError, r"\bx\b"),
        ({"x": jnp.zeros(4, jnp.bfloat16)}, TypeError, "x has dtype bfloat16"),
        ({"weight": jnp.zeros((4, 3), jnp.bfloat16)}, TypeError, "weight has dtype bfloat16 and x has float32"),
        ({"x": jnp.zeros(5)}, (TypeError, ValueError), r"\bx\b"),
        ({"out": jnp.zeros(3, jnp.bfloat16)}, TypeError, "out has dtype bfloat16 and x has float32"),
        ({"out": jnp.zeros(4)}, (TypeError, ValueError), "out|weight"),
        ({"backend": "triton"}, (TypeError, ValueError), "backend"),
    ],
)
def test_errors(change, error, message):
    operands = {"out": jnp.zeros(3), "weight": jnp.zeros((4, 3)), "x": jnp.zeros(4)}
    with pytest.raises(error, match=message):
        dense.add_matvec(**(operands | change))
