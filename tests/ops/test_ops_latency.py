"""Products with single spikes are products with the matrix of spikes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx.ops import latency
from ops_cases import assert_close, BACKENDS


def operands(n_pre, n_post, members, length, real, seed=0):
    rng = np.random.default_rng(seed)
    steps = rng.integers(-2, length + 3, (members, n_pre))  # some never
    return jnp.asarray(rng.normal(size=(n_pre, n_post)), real), jnp.asarray(steps, jnp.int32)


def dense(weight, steps, length):
    return (steps[None, :] == jnp.arange(length, dtype=jnp.int32)[:, None]).astype(weight.dtype) @ weight


# Around the width of a vector (16, 8) and of four of them; less than one; enough work for two threads.
@pytest.mark.parametrize(
    ("n_pre", "n_post", "members", "length"),
    [(30, 100, 3, 9), (5, 7, 2, 4), (200, 131, 24, 6), (0, 3, 2, 4), (3, 0, 2, 2), (40, 16, 1, 1)],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_values_and_derivatives(dtype, backend, n_pre, n_post, members, length):
    weight, steps = operands(n_pre, n_post, members, length, dtype)
    target = jnp.asarray(np.random.default_rng(1).normal(size=(members, length, n_post)), dtype)

    def everything(product):
        batch = lambda weight: jax.vmap(lambda s: product(weight, s))(steps)
        loss = lambda weight: jnp.sum(target * jnp.sin(batch(weight)))
        along = lambda weight: jnp.vdot(jax.grad(loss)(weight), weight)
        return jax.jit(lambda w: (batch(w), jax.grad(loss)(w), jax.jvp(loss, (w,), (w,))[1], jax.grad(along)(w)))(
            weight
        )

    ours = everything(lambda w, s: latency.matvec(w, s, length, backend=backend))
    for a, b in zip(ours, everything(lambda w, s: dense(w, s, length)), strict=True):
        assert a.shape == b.shape
        assert_close(a, b)


def test_batches_of_batches_of_weights_and_gradients_of_members():
    weight, steps = operands(20, 9, 6, 5, "float32")
    product = lambda w, s: latency.matvec(w, s, 5)
    nested = jax.vmap(jax.vmap(product, (None, 0)), (None, 0))
    assert_close(
        nested(weight, steps.reshape(2, 3, 20)).reshape(6, 5, 9), jax.vmap(lambda s: dense(weight, s, 5))(steps)
    )
    many = jnp.stack([weight, 2 * weight])
    assert_close(jax.vmap(product)(many, steps[:2]), jax.vmap(lambda w, s: dense(w, s, 5))(many, steps[:2]))
    each = lambda f: jax.vmap(jax.grad(lambda w, s: jnp.sum(jnp.sin(f(w, s)))), (None, 0))(weight, steps)
    assert_close(each(product), each(lambda w, s: dense(w, s, 5)))


@pytest.mark.parametrize(
    ("weight", "steps", "error", "message"),
    [
        (jnp.zeros((3, 2), jnp.bfloat16), jnp.zeros(3, jnp.int32), TypeError, "weight has dtype"),
        (jnp.zeros((3, 2)), jnp.zeros(3, jnp.int8), TypeError, "expected int32"),
        (jnp.zeros((3, 2)), jnp.zeros(4, jnp.int32), (TypeError, ValueError), "steps"),
    ],
)
def test_errors(weight, steps, error, message):
    with pytest.raises(error, match=message):
        latency.matvec(weight, steps, 4)
