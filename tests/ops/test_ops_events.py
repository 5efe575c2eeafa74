"""Lists of events hold every spike in order, and count those for which there was no room."""

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from jax import lax
from neuroeqx.ops.events import append_events
from ops_cases import BACKENDS


every_backend = pytest.mark.parametrize("backend", BACKENDS)


def expected(buffer, count, x, step):
    """The same with a loop in Python."""
    buffer, count = np.array(buffer), int(count)
    for i in np.flatnonzero(np.asarray(x)):
        if count < len(buffer):
            buffer[count] = step, i
        count += 1
    return buffer, count


def check(result, truth):
    for ours, theirs in zip(result, truth, strict=True):
        assert ours.dtype == jnp.int32
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("real", ["float32", "float64"])
@every_backend
@hypothesis.settings(max_examples=9, deadline=None)
@hypothesis.given(
    n=st.sampled_from([0, 1, 63, 65, 700]),
    capacity=st.sampled_from([0, 1, 40, 1000]),
    activity=st.sampled_from([0.0, 0.05, 0.9, 1.0]),
    count=st.sampled_from([0, 1, 39, 40, 2000]),
    seed=st.integers(0, 2**31),
)
def test_events(real, backend, n, capacity, activity, count, seed):
    with jax.enable_x64(real == "float64"):
        rng = np.random.default_rng(seed)
        x = jnp.asarray(np.where(rng.random(n) < activity, rng.normal(size=n), -0.0), real)
        buffer = jnp.asarray(rng.integers(-9, 9, (capacity, 2)), jnp.int32)
        args = buffer, jnp.asarray(count, jnp.int32), x, jnp.asarray(17, jnp.int32)
        check(jax.jit(lambda *args: append_events(*args, backend=backend))(*args), expected(*args))


@every_backend
def test_nan_is_an_event(backend):
    x = jnp.zeros(70).at[33].set(jnp.nan)
    args = jnp.zeros((4, 2), jnp.int32), jnp.int32(1), x, jnp.int32(3)
    check(append_events(*args, backend=backend), expected(*args))


@every_backend
def test_count_does_not_turn_negative(backend):
    most = np.iinfo(np.int32).max
    buffer = jnp.ones((4, 2), jnp.int32)
    check(append_events(buffer, jnp.int32(most - 2), jnp.ones(5), jnp.int32(0), backend=backend), (buffer, most))


@every_backend
def test_vmap(backend):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((3, 2, 80)) < 0.2, jnp.float32)
    buffer, count = jnp.zeros((3, 30, 2), jnp.int32), jnp.array([0, 5, 25], jnp.int32)
    append = lambda *args: append_events(*args, backend=backend)
    step = jnp.int32(9)
    one = jax.vmap(append, (0, 0, 0, None))(buffer, count, x[:, 0], step)
    two = jax.vmap(jax.vmap(append, (None, None, 0, None)), (0, 0, 0, None))(buffer, count, x, step)
    across = jax.vmap(append, (None, None, 1, 0))(buffer[0], count[1], x[0].T, jnp.arange(2, dtype=jnp.int32))
    for i in range(3):
        check([value[i] for value in one], expected(buffer[i], count[i], x[i, 0], step))
        for j in range(2):
            check([value[i, j] for value in two], expected(buffer[i], count[i], x[i, j], step))
    for j in range(2):
        check([value[j] for value in across], expected(buffer[0], count[1], x[0, j], j))


@every_backend
@pytest.mark.parametrize("batched", [False, True])
def test_recording_in_a_loop_leaves_gradients_alone(backend, batched, no_leaks):
    def run(v, record):
        def step(carry, t):
            v, events = carry
            v = jnp.sin(2 * v)
            if record:
                events = append_events(*events, v, t, backend=backend)
            return (v, events), None

        events = jnp.zeros((100, 2), jnp.int32), jnp.zeros((), jnp.int32)
        (v, events), _ = lax.scan(step, (v, events), jnp.arange(4, dtype=jnp.int32))
        return jnp.sum(v**2), events

    gradient = lambda record: jax.value_and_grad(lambda v: run(v, record), has_aux=True)
    v = jnp.arange(-10.0, 11.0) / 10
    if batched:
        v, map_ = jnp.stack([v, v + 0.55]), jax.vmap
    else:
        map_ = jax.jit
    with no_leaks():
        (value, (_, count)), slope = map_(gradient(True))(v)
    (truth, _), slope_truth = map_(gradient(False))(v)
    np.testing.assert_array_equal(value, truth)
    np.testing.assert_array_equal(slope, slope_truth)
    np.testing.assert_array_equal(count, [80, 84] if batched else 80)  # the first vector has a zero


@pytest.mark.parametrize("batched", [False, True])
def test_in_place_in_a_loop(batched):
    shape = (3,) if batched else ()

    def loop(buffer, count, v):
        append = lambda *args: append_events(*args)
        if batched:
            append = jax.vmap(append, (0, 0, 0, None))

        def step(carry, t):
            buffer, count, v = carry
            v = v + 1.0
            return (*append(buffer, count, v, t), v), None

        return lax.scan(step, (buffer, count, v), jnp.arange(5, dtype=jnp.int32))[0]

    args = jnp.zeros((*shape, 500, 2), jnp.int32), jnp.zeros(shape, jnp.int32), jnp.zeros((*shape, 64))
    compiled = jax.jit(loop, donate_argnums=(0, 1)).lower(*args).compile()
    text = compiled.as_text()
    assert "neuroeqx_events_append_float32" in text
    assert not [line for line in text.splitlines() if "500,2]" in line and " copy(" in line]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": jnp.zeros(4, bool)}, TypeError, r"\bx\b"),
        ({"x": jnp.zeros(4, jnp.float16)}, TypeError, "x has dtype float16"),
        ({"buffer": jnp.zeros((5, 2), jnp.int8)}, TypeError, "buffer has dtype int8"),
        ({"count": jnp.zeros((), jnp.int8)}, TypeError, "count has dtype int8"),
        ({"step": jnp.zeros((), jnp.int8)}, TypeError, "step has dtype int8"),
        ({"buffer": jnp.zeros((5, 3), jnp.int32)}, (TypeError, ValueError), "buffer"),
        ({"backend": "other"}, (TypeError, ValueError), "backend"),
    ],
)
def test_errors(change, error, message):
    zero = jnp.zeros((), jnp.int32)
    operands = {"buffer": jnp.zeros((5, 2), jnp.int32), "count": zero, "x": jnp.zeros(4), "step": zero}
    with pytest.raises(error, match=message):
        append_events(**(operands | change))
