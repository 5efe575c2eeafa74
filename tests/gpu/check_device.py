"""What only a GPU can show: many programs at once, on one target, again and again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runner
from neuroeqx.ops import csr, events, fanout
from tolerance import assert_close


assert not runner.INTERPRETED, "a GPU is what this is about"
N, K = 20_000, 100
rng = np.random.default_rng(0)
indices = jnp.asarray(rng.integers(0, N, (N, K)), jnp.int32)
weight = jnp.asarray(rng.normal(size=(N, K)), jnp.float32)
g = jnp.asarray(rng.normal(size=N), jnp.float32)


def spikes(activity):
    return jnp.asarray(np.random.default_rng(1).random(N) < activity, jnp.float32)


@pytest.mark.parametrize("activity", [0.0, 1e-4, 0.01, 1.0])
def test_products_at_any_activity(activity):
    x, active = spikes(activity), events.compact(spikes(activity))
    pointers = jnp.arange(0, N * K + 1, K, dtype=jnp.int32)
    truth = fanout.matvec(weight, indices, x, n_post=N, backend="reference")
    assert_close(fanout.matvec(weight, indices, x, n_post=N), truth)
    assert_close(fanout.matvec(weight, indices, x, n_post=N, active=active), truth)
    assert_close(csr.matvec(weight.reshape(-1), indices.reshape(-1), pointers, x, n_post=N), truth)
    assert_close(fanout.outer(indices, x, g), fanout.outer(indices, x, g, backend="reference"))
    assert_close(fanout.rmatvec(weight, indices, g), fanout.rmatvec(weight, indices, g, backend="reference"))


def test_whole_numbers_with_one_target_are_counted():
    """Two million additions to one place: none may be lost, and none is rounded."""
    ours = fanout.matvec(jnp.float32(1), jnp.zeros((N, K), jnp.int32), spikes(1.0), n_post=3)
    np.testing.assert_array_equal(ours, [N * K, 0, 0])


def test_fixed_point_gives_the_same_bits_again_and_again(monkeypatch):
    monkeypatch.setenv("NEUROEQX_DETERMINISTIC", "1")
    x, out = spikes(0.3), jnp.zeros(N)
    call = jax.jit(lambda: fanout.add_matvec(out, weight, indices % 50, x))
    first = call()
    assert_close(first, fanout.matvec(weight, indices % 50, x, n_post=N, backend="reference"))
    for _ in range(20):
        np.testing.assert_array_equal(call(), first)


def test_gathers_give_the_same_bits_again_and_again():
    x = spikes(0.3)
    call = jax.jit(lambda: (fanout.rmatvec(weight, indices, g), fanout.outer(indices, x, g, shared=True)))
    first = call()
    for _ in range(20):
        for a, b in zip(call(), first, strict=True):
            np.testing.assert_array_equal(a, b)


def test_lists_are_in_order():
    x = spikes(0.1)
    ids, count = events.compact(x)
    np.testing.assert_array_equal(ids[: int(count)], np.flatnonzero(x))


def test_a_loop_accumulates_in_place():
    """As in a network: decay, then the spikes of the step before, a thousand times."""

    def run(backend):
        def step(state, _):
            current, x = state
            current = fanout.add_matvec(0.9 * current, weight / K, indices, x, backend=backend)
            return (current, jnp.roll(x, 1)), jnp.sum(jnp.abs(current))

        return jax.lax.scan(step, (jnp.zeros(N), spikes(0.01)), length=1000)[1]

    np.testing.assert_allclose(jax.jit(lambda: run(None))(), jax.jit(lambda: run("reference"))(), rtol=1e-4)
