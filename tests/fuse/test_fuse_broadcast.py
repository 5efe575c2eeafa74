"""Native steps of arrays that are repeated along axes: parameters for each row or column of a population."""

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from native_runs import assert_close, assert_native_run, rounds
from neuroeqx.fuse import _step


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)
    monkeypatch.setattr(_step, "_REPEAT", 0)


SHAPES = [
    ((1, 7), (5, 7)), ((5, 1), (5, 7)), ((1, 3, 1), (4, 3, 7)), ((4, 1, 7), (4, 3, 7)), 
    ((1, 4, 1, 7), (2, 4, 3, 7)), ((1, 33), (2, 33)), ((33, 1), (33, 2)), ((1, 5, 7), (3, 5, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("small", "whole"), SHAPES)
def test_operands_that_are_repeated(small, whole, dtype):
    x = jnp.arange(np.prod(whole), dtype=dtype).reshape(whole) / 50.0
    y = jnp.linspace(0.5, 2.0, np.prod(small), dtype=dtype).reshape(small)
    constant = y * 0.3 + 0.1

    def body(i, c):
        y = jnp.sin(c["y"]) + 0.5
        return {"x": jnp.where(c["x"] > y, c["x"] * y, c["x"] + constant), "y": y}

    assert_close(*rounds(body, {"x": x, "y": y}), dtype)


@pytest.mark.parametrize(("axes", "whole"), [((1,), (5, 7)), ((0,), (5, 7)), ((0, 1), (5, 7, 3)), ((0, 2), (5, 3, 7))])
def test_new_axes(axes, whole, dtype):
    shape = tuple(whole[axis] for axis in axes)

    def body(i, c):
        y = jnp.cos(c["y"])
        return {"x": c["x"] * 0.5 + lax.broadcast_in_dim(y, whole, axes), "y": y}

    start = {"x": jnp.zeros(whole, dtype), "y": jnp.linspace(0.5, 2.0, np.prod(shape), dtype=dtype).reshape(shape)}
    assert_close(*rounds(body, start), dtype)


def test_arrays_of_numbers_and_truth_values(x64):
    """Whole numbers and truth values, whose size in memory is another one."""
    counts, chosen = jnp.arange(5, dtype=jnp.int32)[:, None], jnp.arange(7)[None] % 2 == 0

    def body(i, c):
        fired = (c["v"] > 1.0) & (chosen ^ c["on"])
        return {
            "v": jnp.where(fired, 0.0, c["v"] + 0.3),
            "n": c["n"] + counts * c["k"],
            "on": ~c["on"],
            "k": c["k"] + 1,
        }

    start = {"v": jnp.linspace(0.0, 1.0, 35).reshape(5, 7), "n": jnp.zeros((5, 7), jnp.int32)}
    start |= {"on": jnp.zeros((1, 7), bool), "k": jnp.ones((5, 1), jnp.int32)}
    assert_close(*rounds(body, start))


def test_too_many_changes_of_direction_stay_in_xla():
    small, whole = (4, 1, 7, 1), (4, 3, 7, 2)
    body = lambda i, c: {"x": c["x"] * 0.5 + jnp.sin(c["y"]), "y": c["y"] + 1.0}
    start = {"x": jnp.ones(whole), "y": jnp.ones(small)}
    assert_close(*rounds(body, start, native=False), "float32")


ROW, COLUMN = np.linspace(10.0, 30.0, 7)[None], np.linspace(8.0, 25.0, 5)[:, None]
LIF = {"v_rest": -60.0, "v_th": -50.0, "v_reset": -60.0}


@pytest.mark.parametrize("tau", [ROW, COLUMN], ids=["row", "column"])
def test_populations_with_a_parameter_for_each_row_or_column(tau, dtype):
    model = nex.Population(nex.LIF(tau=tau, **LIF), (5, 7))
    assert_native_run(model, jnp.linspace(12.0, 30.0, 7)[None], dtype)


def test_drives_of_rows_that_change(dtype):
    drive = jnp.linspace(20.0, 30.0, 5)[:, None]
    model = nex.Population(nex.LIF(tau=ROW, **LIF), (5, 7))
    assert_native_run(model, lambda t: drive + 5.0 * jnp.sin(t), dtype)


def test_where_there_is_little_else_to_do_xla_is_faster(monkeypatch):
    monkeypatch.undo()
    model, drive = nex.Population(nex.LIF(tau=ROW), (5, 7)), jnp.linspace(20.0, 30.0, 5)[:, None]
    assert nex.explain(model, inputs=drive).kept == []
    assert "too little" in repr(nex.explain(model, inputs=lambda t: drive + t))
    cells = nex.Population(nex.TraubMiles(), (5, 7))
    assert nex.explain(cells, inputs=lambda t: drive + t).kept == []
