"""JAX's operations on whole arrays within native steps."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from native_runs import assert_close, rounds
from neuroeqx.fuse import _step


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


@pytest.mark.parametrize("n", [2, 37])
def test_arrays_that_are_joined_and_turned(n, dtype):
    def body(i, c):
        x = jnp.cos(c["x"]) + c["x"]
        both = jnp.concatenate([x, c["y"], x[:1]]) * 0.5
        return {"x": jnp.roll(x, 1), "y": jnp.roll(both[: 2 * n], -1), "z": jnp.stack([x, c["y"][:n]]) + c["z"] * 0.5}

    x = jnp.linspace(0.0, 1.0, n, dtype=dtype)
    assert_close(*rounds(body, {"x": x, "y": jnp.concatenate([x, x + 1.0]), "z": jnp.stack([x, x])}), dtype)


def test_parts_that_do_not_lie_one_after_the_other_stay_in_xla():
    body = lambda i, x: jnp.concatenate([jnp.cos(x[:, :2]), x[:, :-2]], axis=1)
    assert_close(*rounds(body, jnp.linspace(0.0, 1.0, 40).reshape(5, 8), native=False), "float32")


@pytest.mark.parametrize("reverse", [False, True])
def test_running_sums(reverse, dtype):
    total = lambda x: jnp.flip(jnp.cumsum(jnp.flip(x))) if reverse else jnp.cumsum(x)
    native = not reverse
    body = lambda i, x: jnp.cos(total(x) / 37.0) + 0.1 * x
    assert_close(*rounds(body, jnp.linspace(-1.0, 1.0, 37, dtype=dtype), native=native), dtype)


@pytest.mark.parametrize("special", [[], [np.nan, 3.0, np.nan], [np.inf, -np.inf], [5.0, 5.0, -5.0, -5.0]])
def test_extremes_and_their_places(special, dtype):
    def body(i, c):
        x = c["x"] * 1.5 - 0.25
        places = jnp.argmax(x), jnp.argmin(x)
        return {"x": x + 0.0 * i.astype(dtype), "most": x.max() + c["least"] * 0.0, "least": x.min(), "places": places}

    x = jnp.linspace(-1.0, 1.0, 37, dtype=dtype)
    x = x.at[jnp.arange(3, 3 + 5 * len(special), 5)].set(jnp.asarray(special, dtype))
    zero, place = jnp.zeros((), dtype), jnp.argmax(x)
    ours, truth = rounds(body, {"x": x, "most": zero, "least": zero, "places": (place, place)}, count=3)
    assert ours["places"] == truth["places"]
    assert_close(ours, truth, dtype)


@pytest.mark.parametrize("mode", ["drop", "clip", "promise_in_bounds"])
@pytest.mark.parametrize("adds", [False, True])
def test_single_entries_that_are_written(adds, mode, dtype):
    """Also of an array that is read in the same round."""
    places = jnp.array([3, 0, 7] if mode == "promise_in_bounds" else [3, -1, 100, 0, -100], jnp.int32)

    def body(i, c):
        new = c["x"][: places.size] * 0.5 + 1.0
        at = (c["x"] + 1.0).at[places]
        x = at.add(new, mode=mode) if adds else at.set(new, mode=mode)
        x = x.at[i].add(2.0)
        return {"x": x, "y": c["x"] + c["y"]}

    x = jnp.linspace(0.0, 1.0, 8, dtype=dtype)
    assert_close(*rounds(body, {"x": x, "y": x}), dtype)


@pytest.mark.parametrize("mode", ["drop", "clip"])
@pytest.mark.parametrize("adds", [False, True])
def test_parts_that_are_written(adds, mode, dtype):
    """At a fixed place, and at one that comes to lie beyond the end."""

    def body(i, c):
        part = jnp.cos(c["y"])
        at = lambda x, k: (
            lax.scatter_add(x, k, part, NUMBERS, mode=mode) if adds else lax.scatter(x, k, part, NUMBERS, mode=mode)
        )
        x = c["x"].at[2:5].add(part) if adds else c["x"].at[2:5].set(part)
        return {"x": at(x + 1.0, (2 * i)[None]), "y": part + c["x"][:3]}

    x = jnp.linspace(0.0, 1.0, 8, dtype=dtype)
    assert_close(*rounds(body, {"x": x, "y": x[:3]}), dtype)


NUMBERS = lax.ScatterDimensionNumbers((0,), (), (0,))


def test_indices_are_computed_once(dtype):
    """What depends on nothing but constants, and has no native form."""
    body = lambda i, x: jnp.cos(x) + jnp.arange(37).astype(dtype) * jnp.flip(jnp.linspace(0.0, 1.0, 37, dtype=dtype))
    assert_close(*rounds(body, jnp.linspace(-1.0, 1.0, 37, dtype=dtype)), dtype)
