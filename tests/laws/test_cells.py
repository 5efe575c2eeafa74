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
from neuroeqx._voltage import with_voltage

from .table import CELLS


N, T, DT = 4, 60, 0.25
KEY = jr.key(0)
traces = []


def own_parameters(cell):
    """The names of the parameters that the cell's maker takes."""
    cell = _innermost(cell)
    return [f.name for f in dataclasses.fields(cell) if eqx.is_inexact_array(getattr(cell, f.name))]


def inputs(current, n=N):
    """A different input for each cell, the same for every precision, and enough to make some of them fire."""
    return jnp.asarray(current * np.linspace(0.6, 2.0, n))


@eqx.filter_jit
def run(cell, x, state=None, first=0, steps=T):
    """`steps` steps from the one of number `first`. Every cell's program is used by most of the laws."""
    traces.append(cell)
    state = cell.init(x.shape) if state is None else state
    step = lambda s, i: cell.step(s, x, dt=DT, key=jr.fold_in(KEY, i))
    return lax.scan(step, state, first + jnp.arange(steps))


def begin(cell, x):
    """The arguments of a run from the beginning."""
    return cell, x, cell.init(x.shape), jnp.asarray(0)


def assert_trees_equal(a, b, **tolerance):
    assert jtu.tree_structure(a) == jtu.tree_structure(b)
    for x, y in zip(jtu.tree_leaves(a), jtu.tree_leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), **tolerance)


# Kinds of which another has the same parts: they are looked at with --thorough.
ALIKE = {
    "LIF soft", "LIF Euler", "LIF Heun", "Every Graded", "Refractory TraubMiles", "WangBuzsaki", "HindmarshRose", "AdaptiveQIF",
    "Izhikevich2007", "ExpIF", "AMPA", "GABAa", "NMDASecondOrder", "DualExpon", "STD", "StuartLandau", "VanDerPol",
    "ReducedWongWang", "ThresholdLinear", "Theta", "MontbrioPazoRoxin", "Counted",
}  # fmt: skip
assert set(CELLS) >= ALIKE


def _param(name):
    marks = [pytest.mark.thorough] if name in ALIKE else []
    return pytest.param(CELLS[name], id=name, marks=marks)


# Of the module, so that all laws of a cell come together, in one process, which compiles its program once.
@pytest.fixture(scope="module", params=[_param(name) for name in CELLS])
def case(request):
    return request.param


def test_a_step_keeps_structure_shapes_and_dtypes(case, dtype):
    make, current = case
    cell, x = make(), inputs(current)
    state = cell.init((N,))
    after, output = jax.eval_shape(lambda s: cell.step(s, x, dt=DT, key=KEY), state)
    assert jtu.tree_structure(state) == jtu.tree_structure(after)
    assert [(a.shape, a.dtype) for a in jtu.tree_leaves(state)] == [(a.shape, a.dtype) for a in jtu.tree_leaves(after)]
    assert output.shape == (N,)
    assert output.dtype == dtype
    assert all(x.dtype in (np.dtype(dtype), np.dtype("int16"), np.dtype("int32")) for x in jtu.tree_leaves(state))


def test_the_input_matters_and_the_output_is_finite(case, x64):
    make, current = case
    cell = make()
    _, loud = run(*begin(cell, inputs(current)))
    _, silent = run(*begin(cell, inputs(0.0)))
    assert np.all(np.isfinite(loud))
    assert np.any(np.asarray(loud) != np.asarray(silent))


def test_jit_equals_eager(case, x64):
    make, current = case
    cell, x = make(), inputs(current)
    eager, outputs = cell.init((N,)), []
    for i in range(3):
        eager, out = cell.step(eager, x, dt=DT, key=jr.fold_in(KEY, i))
        outputs.append(out)
    jitted, expected = run(*begin(cell, x), 3)
    assert_trees_equal((eager, jnp.stack(outputs)), (jitted, expected), rtol=1e-10, atol=1e-10)


def test_vmap_equals_a_loop(case, x64):
    make, current = case
    cell = make()
    batch = jnp.stack([inputs(current) * c for c in (0.8, 1.0, 1.3)])
    together = jax.vmap(lambda x: run(*begin(cell, x)))(batch)
    for i, x in enumerate(batch):
        own = jtu.tree_map(lambda leaf, i=i: leaf[i], together)
        assert_trees_equal(run(*begin(cell, x)), own, rtol=1e-9, atol=1e-9)


def test_a_parameter_per_cell_equals_the_same_number_for_all(case, x64):
    make, current = case
    cell, x = make(), inputs(current)
    _, expected = run(*begin(cell, x))
    values = {name: float(jnp.ravel(getattr(_innermost(cell), name))[0]) for name in own_parameters(cell)}
    _, found = run(*begin(make(**{name: np.full(N, value) for name, value in values.items()}), x))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_cells_do_not_see_each_other(case, x64):
    make, current = case
    cell, x = make(), inputs(current)
    one, other = run(*begin(cell, x)), run(*begin(cell, x.at[N - 1].set(0.0)))
    assert np.any(one[1][:, N - 1] != other[1][:, N - 1])
    # In the state too, of which outputs need not show a small difference.
    others = lambda leaf: np.delete(leaf, N - 1, axis=leaf.shape.index(N)) if N in leaf.shape else leaf
    assert_trees_equal(*(jtu.tree_map(others, found) for found in (one, other)), rtol=0, atol=0)


def test_a_run_in_parts_is_the_same_run(case, x64):
    make, current = case
    cell, x = make(), inputs(current)
    state, outputs = begin(cell, x)[2], []
    for first in range(0, T, 3):
        state, out = run(cell, x, state, jnp.asarray(first), 3)
        outputs.append(out)
    end, whole = run(*begin(cell, x))
    assert_trees_equal((state, jnp.concatenate(outputs)), (end, whole), rtol=0, atol=0)


def test_gradients_are_finite(case):
    """In single precision, where numbers overflow first."""
    make, current = case

    def loss(args):
        cell, x = args
        state, outputs = run(*begin(cell, x))
        return outputs.sum() + sum(jnp.sum(s) for s in jtu.tree_leaves(eqx.filter(state, eqx.is_inexact_array)))

    grads = eqx.filter_grad(loss)((make(), inputs(current)))
    assert all(np.all(np.isfinite(g)) for g in jtu.tree_leaves(grads))
    assert np.any(np.asarray(grads[1]) != 0.0)


def test_new_parameter_values_do_not_compile_anew(case, x64):
    make, current = case
    x = inputs(current)
    run(*begin(make(), x))
    before = len(traces)
    for name in own_parameters(make()):
        value = float(jnp.ravel(getattr(_innermost(make()), name))[0])
        for factor in (1.01, 1.02):
            run(*begin(make(**{name: factor * value}), x))
    assert len(traces) == before


def test_extreme_voltages():
    """Far from where any membrane gets, as the variables of a program that goes wrong, or of a wild guess in a fit, may be:
    all that two steps give is finite, and so are the derivatives, in single precision."""
    far = jnp.array([-1000.0, -200.0, 200.0, 1000.0])
    cells = {name: (make(), current) for name, (make, current) in CELLS.items()}
    spiking = {name: x for name, x in cells.items() if isinstance(x[0], nex.AbstractSpiking)}
    assert len(spiking) > 20

    def after(cell, current, v):
        state, found = with_voltage(cell.init((N,)), v), []
        for i in range(2):
            state, output = cell.step(state, jnp.full(N, current), dt=DT, key=jr.fold_in(KEY, i))
            found += [output, *jtu.tree_leaves(eqx.filter(state, eqx.is_inexact_array))]
        return sum(jnp.sum(x) for x in found), jnp.stack([jnp.all(jnp.isfinite(x)) for x in found])

    @eqx.filter_jit
    def of_all(cells):
        run = lambda cell, current: jax.value_and_grad(lambda v: after(cell, current, v), has_aux=True)(far)
        return {name: run(*x) for name, x in cells.items()}

    for name, ((_, finite), slope) in of_all(spiking).items():
        assert np.all(finite) and np.all(np.isfinite(slope)), (name, slope)


def test_no_tracer_leaks(no_leaks):
    """Of all cells at once: looking for leaks takes long, and says whose they are."""

    def total(cells):
        outputs = []
        for cell, (_, current) in zip(cells, CELLS.values(), strict=True):
            _, output = cell.step(cell.init((N,)), inputs(current), dt=DT, key=KEY)
            outputs.append(output.sum())
        return sum(outputs)

    with no_leaks():
        eqx.filter_eval_shape(eqx.filter_grad(total), [make() for make, _ in CELLS.values()])


def test_non_finite_parameters_are_refused(case):
    make, current = case
    for name in own_parameters(make()):
        for bad in (np.nan, np.inf):
            with pytest.raises(ValueError, match=rf"`{name}` must be finite"):
                make(**{name: bad})


def test_the_wrong_type_of_parameter_is_refused(case):
    make, current = case
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
