"""What holds for every cell, whatever it models."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax

from .table import CELLS


N, T, DT = 4, 60, 0.25
KEY = jr.key(0)


def own_parameters(cell):
    """The names of the parameters that the cell's maker takes."""
    cell = _innermost(cell)
    return [f.name for f in dataclasses.fields(cell) if eqx.is_inexact_array(getattr(cell, f.name))]


def inputs(current, n=N):
    """A different input for each cell, the same for every precision, and enough to make some of them fire."""
    return jnp.asarray(current * np.linspace(0.6, 2.0, n))


@eqx.filter_jit
def run(cell, x, steps=T, state=None, first=0):
    state = cell.init(x.shape) if state is None else state
    step = lambda s, i: cell.step(s, x, dt=DT, key=jr.fold_in(KEY, i))
    return lax.scan(step, state, jnp.arange(first, first + steps))


def assert_trees_equal(a, b, **tolerance):
    assert jtu.tree_structure(a) == jtu.tree_structure(b)
    for x, y in zip(jtu.tree_leaves(a), jtu.tree_leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), **tolerance)


everywhere = pytest.mark.parametrize(("make", "current"), CELLS.values(), ids=CELLS.keys())


@everywhere
def test_a_step_keeps_structure_shapes_and_dtypes(make, current, dtype):
    cell, x = make(), inputs(current)
    state = cell.init((N,))
    after, output = jax.eval_shape(lambda s: cell.step(s, x, dt=DT, key=KEY), state)
    assert jtu.tree_structure(state) == jtu.tree_structure(after)
    assert [(a.shape, a.dtype) for a in jtu.tree_leaves(state)] == [(a.shape, a.dtype) for a in jtu.tree_leaves(after)]
    assert output.shape == (N,)
    assert output.dtype == dtype
    assert all(x.dtype in (np.dtype(dtype), np.dtype("int16"), np.dtype("int32")) for x in jtu.tree_leaves(state))


@everywhere
def test_the_input_matters_and_the_output_is_finite(make, current):
    cell = make()
    _, loud = run(cell, inputs(current))
    _, silent = run(cell, inputs(0.0))
    assert np.all(np.isfinite(loud))
    assert np.any(np.asarray(loud) != np.asarray(silent))


@everywhere
def test_jit_equals_eager(make, current, x64):
    cell, x = make(), inputs(current)
    eager = cell.init((N,))
    jitted, step = eager, eqx.filter_jit(lambda c, s: c.step(s, x, dt=DT, key=KEY))
    for _ in range(4):
        eager, out = cell.step(eager, x, dt=DT, key=KEY)
        jitted, out_jit = step(cell, jitted)
        assert_trees_equal((eager, out), (jitted, out_jit), rtol=1e-10, atol=1e-10)


@everywhere
def test_vmap_equals_a_loop(make, current, x64):
    cell = make()
    batch = jnp.stack([inputs(current) * c for c in (0.8, 1.0, 1.3)])
    _, together = jax.vmap(lambda x: run(cell, x))(batch)
    for x, y in zip(batch, together, strict=True):
        np.testing.assert_allclose(run(cell, x)[1], y, rtol=1e-9, atol=1e-9)


@everywhere
def test_a_parameter_per_cell_equals_the_same_number_for_all(make, current, x64):
    cell, x = make(), inputs(current)
    _, expected = run(cell, x)
    values = {name: float(jnp.ravel(getattr(_innermost(cell), name))[0]) for name in own_parameters(cell)}
    _, found = run(make(**{name: np.full(N, value) for name, value in values.items()}), x)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@everywhere
def test_cells_do_not_see_each_other(make, current, x64):
    cell, x = make(), inputs(current)
    _, whole = run(cell, x)
    # The first ones, for random numbers belong to places.
    _, part = run(cell, x[:3])
    np.testing.assert_allclose(part, whole[:, :3], rtol=1e-9, atol=1e-9)


@everywhere
def test_a_run_in_two_parts_is_the_same_run(make, current):
    cell, x = make(), inputs(current)
    state, whole = run(cell, x, 60)
    middle, first = run(cell, x, 25)
    end, second = run(cell, x, 35, middle, 25)
    assert_trees_equal(state, end, rtol=0, atol=0)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


@everywhere
def test_gradients_are_finite(make, current):
    """In single precision, where numbers overflow first."""

    def loss(args):
        cell, x = args
        state, outputs = run(cell, x, 30)
        return outputs.sum() + sum(jnp.sum(s) for s in jtu.tree_leaves(eqx.filter(state, eqx.is_inexact_array)))

    grads = eqx.filter_grad(loss)((make(), inputs(current)))
    assert all(np.all(np.isfinite(g)) for g in jtu.tree_leaves(grads))
    assert np.any(np.asarray(grads[1]) != 0.0)


@everywhere
def test_new_parameter_values_do_not_compile_anew(make, current):
    x = inputs(current)
    step = eqx.filter_jit(eqx.debug.assert_max_traces(lambda c, s, x: c.step(s, x, dt=DT, key=KEY), max_traces=1))
    for name in own_parameters(make()) or [None]:
        for factor in (1.0, 1.01, 1.02):
            cell = make()
            if name is not None:
                cell = make(**{name: factor * float(jnp.ravel(getattr(_innermost(cell), name))[0])})
            step(cell, cell.init((N,)), x)


def test_no_tracer_leaks():
    """Of all cells at once: looking for leaks takes long, and says whose they are."""

    def total(cells):
        outputs = []
        for cell, (_, current) in zip(cells, CELLS.values(), strict=True):
            state = cell.init((N,))
            for i in range(2):
                state, output = cell.step(state, inputs(current), dt=DT, key=jr.fold_in(KEY, i))
            outputs.append(output.sum())
        return sum(outputs)

    with jax.checking_leaks():
        eqx.filter_eval_shape(eqx.filter_grad(total), [make() for make, _ in CELLS.values()])


@everywhere
def test_non_finite_parameters_are_refused(make, current):
    for name in own_parameters(make()):
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match=rf"`{name}` must be finite"):
                make(**{name: bad})


@everywhere
def test_the_wrong_type_of_parameter_is_refused(make, current):
    for name in own_parameters(make()):
        with pytest.raises(TypeError, match="must be a number or an array of numbers"):
            make(**{name: "fast"})


def _innermost(cell):
    while isinstance(cell, nex.Refractory | nex.Every | nex.Substeps | nex.EscapeRate | nex.AtPeak):
        cell = cell.cell
    return cell


def test_keys_are_not_needed_by_deterministic_cells():
    cell = nex.LIF()
    state, x = cell.init((N,)), inputs(1.5)
    one, _ = cell.step(state, x, dt=DT, key=jr.key(0))
    other, _ = cell.step(state, x, dt=DT)
    np.testing.assert_array_equal(one, other)
