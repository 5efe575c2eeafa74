"""Passive cables against the series of Rallpack 1, Rall's equivalent cylinder and exact solutions in time."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import cable
from scipy.linalg import expm


def voltages(cell, t1, dt, input, indices=None, every=1, shape=None, fused=False):
    """Of a cell, `[samples, compartments]`."""
    record = {"v": nex.voltage(indices=indices, every=every)}
    population = nex.Population(cell, (cell.size,) if shape is None else shape)
    return np.asarray(
        nex.simulate(population, t1, dt, input, record=record, fused=fused).records["v"].values, np.float64
    )


# Rallpack 1 (Bhalla, Bilitch & Bower 1992): 1 um thick, 1 mm long, 1 ohm m, 4 ohm m2, 0.01 F/m2, 0.1 nA at one end. Its length
# constant is 1 mm and its time constant 40 ms.
RALLPACK = cable.Branch(1000.0, 1.0)


def series(x, t):
    """The voltage at `x` um and `t` ms of a sealed cable into whose end a current flows: a sum over its modes."""
    resistance = 1.0 / (np.pi * 0.5e-6**2) * 1e-3 * 0.1e-9 * 1e3  # mV
    k = np.arange(400)
    decay = 1.0 + (k * np.pi) ** 2
    weight = np.where(k == 0, 1.0, 2.0) / decay
    x = np.asarray(x)[..., None] / 1000.0
    steady = np.cosh(1.0 - x) / np.sinh(1.0)
    modes = weight * np.cos(k * np.pi * x[..., None]) * np.exp(-decay * np.asarray(t)[:, None] / 40.0)
    return -65.0 + resistance * (steady - np.sum(modes, -1))


def test_rallpack_1(ledger):
    # The distributed reference, at both ends.
    times = [1.0, 5.0, 20.0, 50.0, 100.0, 250.0]
    known = (
        [-42.4717, -16.2429, 24.8528, 65.7019, 91.7295, 101.9351],
        [-64.9999, -63.0399, -33.7814, 6.8634, 32.8909, 43.0965],
    )
    np.testing.assert_allclose(series([0.0, 1000.0], times), known, atol=1.5e-4)
    n = 200
    parts = cable.Compartments(cable.Morphology([RALLPACK]), n)
    for method in (cable.BackwardEuler(), cable.CrankNicolson()):
        cell = cable.Cell(parts, {"leak": nex.channels.leak(0.025, -65.0)}, method=method)
        v = voltages(cell, 250.0, 0.05, cell.density(0.1, [0]), [0, n - 1], every=10)
        expected = series([2.5, 997.5], 0.5 * np.arange(1, 501)).T
        rms = np.sqrt(np.mean((v - expected) ** 2, 0)) / np.ptp(expected, 0)
        name = type(method).__name__
        ledger("Cell", "Rallpack 1's series", f"voltage at both ends, RMS over range, {name}", rms.max(), 1e-3)


def passive(n, method=None):
    parts = cable.Compartments(cable.Morphology([cable.Branch(500.0, [2.0, 1.0])]), n)
    return cable.Cell(parts, {"leak": nex.channels.leak(0.1, -65.0)}, ra=150.0, cm=0.8, method=method)


def matrix(cell):
    """(A, c) of dv/dt = A v + c, from the sizes of the compartments."""
    n = cell.size
    a = np.diag(np.full(n, -0.1))
    area, inner, outer = (np.asarray(x, np.float64) for x in (cell.area, cell.inner, cell.outer))
    for k in range(n - 1):
        g = 1e7 / (150.0 * (outer[k] + inner[k + 1]))
        for i, j in ((k, k + 1), (k + 1, k)):
            a[i, i] -= g / area[i]
            a[i, j] += g / area[i]
    return a / 0.8, np.full(n, -6.5) / 0.8


def test_orders_in_time(x64):
    for method, order in ((cable.BackwardEuler(), 1), (cable.CrankNicolson(), 2)):
        cell = passive(9, method)
        a, c = matrix(cell)
        c[0] += float(cell.density(0.05, [0])[0]) / 0.8
        steady = -np.linalg.solve(a, c)
        exact = steady + expm(8.0 * a) @ (-65.0 - steady)
        errors = [np.abs(voltages(cell, 8.0, dt, cell.density(0.05, [0]))[-1] - exact).max() for dt in (0.1, 0.05)]
        assert method.order == order
        assert abs(np.log2(errors[0] / errors[1]) - order) < 0.1


def test_order_in_space(x64):
    # A cable that grows thinner: its steady state in the middle, where an odd number of compartments has a centre.
    def at_middle(n):
        cell = passive(n)
        a, c = matrix(cell)
        c[0] += float(cell.density(0.05, [0])[0]) / 0.8
        return -np.linalg.solve(a, c)[n // 2]

    exact = at_middle(2187)
    errors = [abs(at_middle(n) - exact) for n in (9, 27, 81)]
    np.testing.assert_allclose(np.log(np.divide(errors[:-1], errors[1:])) / np.log(3.0), 2.0, atol=0.1)


def test_a_tree_of_the_three_halves_power_is_its_cylinder(ledger, x64):
    # Rall 1962: two levels of forks whose daughters' d^(3/2) sum to their parent's, at the same electrotonic distances.
    def length(d, part):
        return part * 1e4 * np.sqrt(d * 1e-4 / (4.0 * 0.05e-3 * 120.0))

    def fork(d):
        return [(0.3 ** (2.0 / 3.0)) * d, (0.7 ** (2.0 / 3.0)) * d]

    branches = [cable.Branch(length(4.0, 0.4), 4.0)]
    for d in fork(4.0):
        branches.append(cable.Branch(length(d, 0.3), d, parent=0))
    for parent, d in ((1, fork(4.0)[0]), (2, fork(4.0)[1])):
        for e in fork(d):
            branches.append(cable.Branch(length(e, 0.3), e, parent=parent))
    counts = {0: 40, 1: 30, 2: 30}
    trees = cable.Compartments(cable.Morphology(branches), lambda m, k: counts.get(k, 30))
    cylinder = cable.Compartments(cable.Morphology([cable.Branch(length(4.0, 1.0), 4.0)]), 100)
    found = []
    for parts in (trees, cylinder):
        cell = cable.Cell(parts, {"leak": nex.channels.leak(0.05, -65.0)}, ra=120.0, method=cable.CrankNicolson())
        found.append(voltages(cell, 20.0, 0.05, cell.density(0.2, [0])))
    # At every time, from the root to any tip.
    tip = np.concatenate([trees.at(branch=k) for k in (0, 2, 5)])
    error = np.abs(found[0][:, tip] - found[1]).max()
    assert np.ptp(found[1][-1]) > 1.0
    ledger("Cell", "Rall's equivalent cylinder", "voltage anywhere in a tree of the 3/2 power, mV", error, 1e-9)


def test_single_precision_and_populations_of_cells(x64):
    double = passive(30)
    current = double.density(0.05, [3])
    expected = voltages(double, 5.0, 0.025, current)
    # Native as a whole, three cells of which one is driven.
    inputs = jnp.zeros((3, 30)).at[1].set(current)
    together = voltages(double, 5.0, 0.025, inputs, shape=(3, 30), fused=True)
    np.testing.assert_allclose(together[:, 1], expected, rtol=1e-12)
    np.testing.assert_allclose(together[:, 0], -65.0, rtol=1e-12)
    with jax.enable_x64(False):
        single = passive(30)
        found = voltages(single, 5.0, 0.025, single.density(0.05, [3]))
    # 200 steps, each of which may round by half a unit in the last place of 65, 4e-6.
    np.testing.assert_allclose(found, expected, atol=8e-4)


def test_a_population_must_end_with_the_compartments():
    with pytest.raises(ValueError, match="must be that of the 9 compartments"):
        passive(9).init((3,))
    with pytest.raises(ValueError, match="whole numbers from 0 to 8"):
        passive(9).density(1.0, [9])
