"""Cells against closed forms and published figures."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx._wrappers import RefractoryState
from scipy.integrate import solve_ivp


def trains(cell, x, t1, dt):
    """The steps in which each cell spikes, and its last state."""
    x = jnp.atleast_1d(jnp.asarray(x, dtype=float))
    state, spikes = lax.scan(lambda s, _: cell.step(s, x, dt=dt), cell.init(x.shape), None, length=round(t1 / dt))
    return np.asarray(spikes), state


def rates(cell, x, t1, dt):
    return trains(cell, x, t1, dt)[0].sum(0) / t1 * 1000.0


def test_lif_rates_equal_the_closed_form(dtype, ledger):
    # 1 / (t_ref + tau ln(I / (I - 1))) at tau 20, t_ref 2: published to four decimals; the grid rounds each interval up.
    current = np.array([1.2, 1.5, 2.0, 3.0])
    interval = 2.0 + 20.0 * np.log(current / (current - 1.0))
    np.testing.assert_allclose(1000.0 / interval, [26.4304, 41.7149, 63.0400, 98.9188], atol=5e-4)
    dt = 0.01
    spikes, _ = trains(nex.Refractory(nex.LIF(tau=20.0), 2.0), current, 1500.0, dt)
    worst = 0.0
    for i in range(4):
        found = np.diff(np.flatnonzero(spikes[:, i])) * dt
        worst = max(worst, np.abs(found - np.ceil(np.round(interval[i] / dt, 6)) * dt).max())
        np.testing.assert_allclose(found.mean(), interval[i] + dt / 2, atol=dt)
    if dtype == "float64":
        reference = "t_ref + tau ln(I / (I - 1)), rounded up to the grid: 26.4304 ... 98.9188 Hz at I = 1.2, 1.5, 2, 3"
        for model in ("LIF", "Refractory"):
            ledger(model, reference, "every interval over 1,500 ms, ms", worst, 1e-6, "spikes on the grid")


def test_lif_first_spike_time(x64, ledger):
    current, tau, dt = 1.5, 20.0, 0.001
    spikes, _ = trains(nex.LIF(tau=tau), current, 30.0, dt)
    exact = tau * np.log(current / (current - 1.0))
    late = np.flatnonzero(spikes[:, 0])[0] + 1 - np.ceil(exact / dt)
    ledger("LIF", "tau ln(I / (I - 1))", "the step of the first spike", abs(late), 0.0, "spikes on the grid")


def test_hard_and_soft_reset(x64):
    y = jnp.array([0.5, 1.25, 1.7])
    hard, spike = nex.LIF(tau=1e9).step(y, 0.0, dt=0.1)
    np.testing.assert_array_equal(spike, [0.0, 1.0, 1.0])
    np.testing.assert_allclose(hard, [0.5, 0.0, 0.0], atol=1e-8)
    soft, spike = nex.LIF(tau=1e9, v_th=1.0, v_reset=0.2, resetting=nex.SoftReset()).step(y, 0.0, dt=0.1)
    np.testing.assert_allclose(soft, [0.5, 0.45, 0.9], atol=1e-8)


def test_a_neuron_above_threshold_fires_even_if_it_started_there():
    _, spike = nex.LIF().step(jnp.array([5.0]), 0.0, dt=0.1)
    assert spike[0] == 1.0


@pytest.mark.parametrize("t_ref", [0.0, 0.5, 2.0])
def test_refractory_counts_whole_steps(t_ref, dtype, ledger):
    # Driven so hard that it fires in the first step in which it may.
    spikes, _ = trains(nex.Refractory(nex.LIF(), t_ref), 1e6, 30.0, 0.1)
    steps = np.flatnonzero(spikes[:, 0])
    assert steps[0] == 0
    error = np.abs(np.diff(steps) - (round(t_ref / 0.1) + 1)).max()
    departures = "a period must be a whole number of steps"
    ledger("Refractory", "counting", "steps between spikes under an overwhelming drive", error, 0.0, departures)


def test_no_spikes_while_refractory_even_above_threshold():
    # A soft reset leaves this cell above threshold; it fires again when the period is over, not before.
    cell = nex.Refractory(nex.LIF(tau=1e9, resetting=nex.SoftReset()), 0.5)
    state = RefractoryState(jnp.array([3.5]), cell.init((1,)).remaining)
    _, spikes = lax.scan(lambda s, _: cell.step(s, 0.0, dt=0.1), state, None, length=20)
    assert list(np.flatnonzero(np.asarray(spikes)[:, 0])) == [0, 6, 12]


def test_refractory_holds_the_voltage_and_nothing_else(x64):
    cell = nex.Refractory(nex.TraubMiles(), 1.0)
    spikes, _ = trains(cell, 600.0, 50.0, 0.05)
    first = np.flatnonzero(spikes[:, 0])[0]
    step = jax.jit(lambda state: cell.step(state, jnp.array([600.0]), dt=0.05))
    state = cell.init((1,))
    for _ in range(first + 1):
        state, _ = step(state)
    after, spike = step(state)
    assert spike[0] == 0.0
    np.testing.assert_array_equal(after.v, state.v)
    assert np.all(np.asarray(after.cell.n) != np.asarray(state.cell.n))


def test_refractory_per_cell():
    spikes, _ = trains(nex.Refractory(nex.LIF(), np.array([0.5, 1.0])), [1e6, 1e6], 20.0, 0.1)
    assert [set(np.diff(np.flatnonzero(spikes[:, i]))) for i in (0, 1)] == [{6}, {11}]


def test_refractory_around_substeps_holds_the_rest_of_the_step_and_counts_whole_ones(x64):
    # From 0 towards 10 in steps of 1 ms with eight parts: at threshold after 1.05 ms, in the first part of the second step.
    cell = nex.Substeps(nex.LIF(tau=10.0), 8)
    spikes, _ = trains(nex.Refractory(cell, 3.0), 10.0, 20.0, 1.0)
    assert list(np.flatnonzero(spikes[:, 0])) == [1, 6, 11, 16]
    # Without a period the rest of the step counts.
    spikes, _ = trains(nex.Refractory(cell, 0.0), 10.0, 20.0, 1.0)
    assert list(np.flatnonzero(spikes[:, 0])[:5]) == list(np.flatnonzero(trains(cell, 10.0, 20.0, 1.0)[0][:, 0])[:5])
    assert list(np.flatnonzero(spikes[:, 0])[:3]) == [1, 2, 3]


def test_at_peak_takes_cells_that_make_their_own_spikes(x64):
    with pytest.raises(TypeError, match="AtPeak: `cell` must be a neuron that makes its own action potentials"):
        nex.AtPeak(nex.LIF())


def test_refractory_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="`t_ref` must not be negative"):
        nex.Refractory(nex.LIF(), -1.0)


def test_leaky_is_a_low_pass_filter(x64, ledger):
    cell = nex.Leaky(tau=10.0, v_rest=0.5, r=2.0)
    v, out = cell.step(jnp.array([0.1]), jnp.array([0.7]), dt=3.0)
    error = abs(float(v[0]) - (1.9 + (0.1 - 1.9) * np.exp(-0.3)))
    ledger("Leaky", "closed form", "voltage after one step", error, 1e-14)
    np.testing.assert_array_equal(v, out)


def test_graded_is_the_equation_of_its_docstring(x64, ledger):
    cell = nex.Graded(tau=10.0, bias=0.3, stepper=nex.Euler())
    v, out = cell.step(jnp.array([-0.5, 0.2]), jnp.array([0.1, 0.4]), dt=0.5)
    error = np.abs(v - np.array([-0.5 + 0.05 * (0.3 + 0.5 + 0.1), 0.2 + 0.05 * (0.3 - 0.2 + 0.4)])).max()
    ledger("Graded", "one step of Euler by hand", "voltage", error, 1e-14)
    np.testing.assert_allclose(out, np.maximum(v, 0.0))
    _, out = nex.Graded(activation=jnp.tanh).step(jnp.array([0.2]), 0.0, dt=1e-9)
    np.testing.assert_allclose(out, np.tanh(0.2), rtol=1e-7)


def traub_miles(t, y, current):
    """The published rates, written as published: an oracle that shares nothing with the package."""
    v, m, h, n = y
    u = v + 63.0
    rate = lambda a, b, x: a * (1.0 - x) - b * x
    alpha_m = 0.32 * (13.0 - u) / (np.exp((13.0 - u) / 4.0) - 1.0)
    beta_m = 0.28 * (u - 40.0) / (np.exp((u - 40.0) / 5.0) - 1.0)
    alpha_h, beta_h = 0.128 * np.exp((17.0 - u) / 18.0), 4.0 / (1.0 + np.exp((40.0 - u) / 5.0))
    alpha_n = 0.032 * (15.0 - u) / (np.exp((15.0 - u) / 5.0) - 1.0)
    beta_n = 0.5 * np.exp((10.0 - u) / 40.0)
    ionic = 10.0 * (-60.0 - v) + 20000.0 * m**3 * h * (50.0 - v) + 6000.0 * n**4 * (-90.0 - v)
    return [(ionic + current) / 200.0, rate(alpha_m, beta_m, m), rate(alpha_h, beta_h, h), rate(alpha_n, beta_n, n)]


def reference_spikes(current, t1):
    up = lambda t, y, current: y[0] + 20.0
    up.direction = 1
    found = solve_ivp(
        traub_miles, (0, t1), [-60.0, 0, 0, 0], "LSODA", None, False, up, rtol=1e-9, atol=1e-9, args=[current]
    )
    return found.t_events[0]


def test_traub_miles_against_an_independent_solver(x64, ledger):
    exact = reference_spikes(500.0, 100.0)
    assert len(exact) > 7
    spikes, _ = trains(nex.TraubMiles(stepper=nex.RK4()), 500.0, 100.0, 0.005)
    found = (np.flatnonzero(spikes[:, 0]) + 1) * 0.005
    assert len(found) == len(exact)
    # In the step that contains it.
    error = np.abs(found - 0.0025 - exact).max()
    departures = "singular voltages of the rates replaced by their limits"
    quantity = "every spike over 100 ms, `RK4` in steps of 0.005 ms, ms"
    ledger("TraubMiles", "SciPy LSODA, published rates", quantity, error, 0.0035, departures)


def test_traub_miles_default_stepper_converges_to_it(x64, ledger):
    exact = reference_spikes(500.0, 30.0)
    times = {}
    for dt in (0.04, 0.02, 0.01):
        spikes, _ = trains(nex.TraubMiles(), 500.0, 30.0, dt)
        times[dt] = (np.flatnonzero(spikes[:, 0]) + 0.5) * dt
        assert len(times[dt]) == len(exact)
    errors = [np.abs(times[dt] - exact).max() for dt in times]
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    np.testing.assert_allclose(ratios, 2.0, atol=0.15)  # first order
    # Without its first-order part the error is that of locating a spike on the grid.
    error = np.abs(2 * times[0.01] - times[0.02] - exact).max()
    quantity = "every spike over 30 ms, extrapolated from two steps, ms"
    ledger("TraubMiles", "SciPy LSODA, published rates", quantity, error, 0.02)


def test_traub_miles_rates_are_finite_at_their_singular_voltages(dtype):
    cell = nex.TraubMiles()
    v = jnp.array([-50.0, -23.0, -48.0])  # where 13 - u, u - 40 and 15 - u vanish
    state = cell.init((3,))
    field = lambda v: cell.vector_field(0.0, type(state)(v, state.m, state.h, state.n), lambda v: 0.0 * v).m.sum()
    assert np.all(np.isfinite(jax.grad(field)(v)))
    np.testing.assert_allclose(field(v), field(v + 1e-4), rtol=1e-3)


def test_traub_miles_fires_once_per_crossing(x64):
    spikes, _ = trains(nex.TraubMiles(), 500.0, 100.0, 0.01)
    # Above -20 mV for many steps, but one spike each.
    assert np.diff(np.flatnonzero(spikes[:, 0])).min() > 200


def test_every_moves_each_nth_step_by_n_steps(x64):
    x = jnp.array([0.7])
    slow, coarse = nex.Every(nex.Leaky(tau=10.0), 4), nex.Leaky(tau=10.0)
    a, b = slow.init((1,)), coarse.init((1,))
    seen, expected = [], []
    for i in range(12):
        a, out = slow.step(a, x, dt=0.5)
        seen.append(float(out[0]))
        if i % 4 == 0:
            b, held = coarse.step(b, x, dt=2.0)
        expected.append(float(held[0]))
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


def test_every_is_silent_between_moves():
    spikes, _ = trains(nex.Every(nex.LIF(), 5), 1e6, 10.0, 0.1)
    assert set(np.flatnonzero(spikes[:, 0])) == set(range(0, 100, 5))


def test_substeps_are_shorter_steps(x64):
    fine, _ = trains(nex.LIF(stepper=nex.Euler()), 3.0, 100.0, 0.05)
    coarse, _ = trains(nex.Substeps(nex.LIF(stepper=nex.Euler()), 4), 3.0, 100.0, 0.2)
    np.testing.assert_array_equal(fine.reshape(-1, 4, 1).sum(1), coarse)


@pytest.mark.parametrize("wrap", [nex.Every, nex.Substeps])
@pytest.mark.parametrize("n", [0, -1])
def test_counts_are_whole_numbers(wrap, n):
    with pytest.raises(ValueError, match="`n` must be a whole number of steps"):
        wrap(nex.LIF(), n)


def test_gradients_pass_the_reset(x64):
    """The documented answer: the reset is differentiated, through its spike, as part of the model."""
    cell = nex.LIF(tau=20.0, v_reset=-0.5, surrogate=nex.SuperSpike(2.0), stepper=nex.Euler())
    v = 1.1
    gradient = jax.grad(lambda v: cell.step(v, 0.0, dt=0.1)[0])(jnp.array(v))
    after = v * (1.0 - 0.1 / 20.0)
    slope = 1.0 / (1.0 + 2.0 * abs(after - 1.0)) ** 2
    # d/dv [v1 + s (v_reset - v1)], with s = 1 and ds/dv1 = slope
    expected = (1.0 - 0.1 / 20.0) * (1.0 - 1.0 + slope * (-0.5 - after))
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)
