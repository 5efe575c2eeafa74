"""One cell with error control: spikes between steps, their derivatives, states at given times."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from scipy.integrate import solve_ivp


def from_spike_to_spike(field, y0, end, above, reset):
    """Spike times and the last state, by SciPy."""
    t, y, times = 0.0, np.asarray(y0, float), []
    while t < end:
        up = lambda t, y: above(y)
        up.terminal, up.direction = True, 1
        found = solve_ivp(field, (t, end), y, method="DOP853", rtol=1e-11, atol=1e-11, events=up)
        t, y = found.t[-1], found.y[:, -1]
        if found.status == 1:
            times.append(t)
            y = reset(y)
    return np.array(times), y


def test_derivatives_know_nothing_of_the_bounds_of_upstrokes(ledger, x64):
    """Of cells that bound the voltage at their peak, where the last step before a spike has stages on both sides."""
    cells = jnp.asarray([-20.0, 0.0])

    @jax.jit
    def run(current):
        def spikes(v_peak):
            cell = nex.AdEx(v_peak=v_peak)
            return nex.solve(cell, 35.0, current, rtol=1e-8, atol=1e-8, max_spikes=3, max_steps=400).spikes[:2]

        return jax.vmap(spikes)(cells)

    slope = jax.jacfwd(lambda i: run(i))(jnp.asarray(900.0))
    at = lambda change: np.asarray(run(jnp.asarray(900.0 + change)))
    known = (8.0 * (at(4.0) - at(-4.0)) - (at(8.0) - at(-8.0))) / 48.0
    error = np.abs(np.asarray(slope) / known - 1.0).max(1)
    ledger(
        "solve", "central differences", "d spike times / d current of AdEx, peak at -20 mV, relative", error[0], 2e-5
    )
    ledger("solve", "central differences", "d spike times / d current of AdEx, peak at 0 mV, relative", error[1], 3e-4)


def test_adex_that_is_driven_over_time(ledger, x64):
    """A current that jumps and one that oscillates; derivatives towards parameters, the initial state and the end."""
    cell = nex.AdEx(v_peak=-20.0)
    current = lambda t: 900.0 * (t > 5.0) + 100.0 * np.sin(t / 10.0)

    def field(t, y):
        v, w = min(y[0], -20.0), y[1]
        up = 2.0 * np.exp(min((v + 50.4) / 2.0, 20.0))
        return [(30.0 * (-70.6 - v + up) - w + current(t)) / 281.0, (4.0 * (v + 70.6) - w) / 144.0]

    @eqx.filter_jit
    def run(cell, jump):
        given = lambda t: jnp.where(t > jump, 900.0, 0.0) + 100.0 * jnp.sin(t / 10.0)
        ts = jnp.array([0.0, 3.0, 20.0, 60.0])
        return nex.solve(
            cell,
            60.0,
            given,
            ts=ts,
            jumps=jump[None],
            rtol=1e-10,
            atol=1e-10,
            max_spikes=5,
            max_steps=1000,
            solver=diffrax.Dopri8(),
        )

    jump = jnp.asarray(5.0)
    found = run(cell, jump)
    times, last = from_spike_to_spike(field, [-70.6, 0.0], 60.0, lambda y: y[0] + 20.0, lambda y: [-60.0, y[1] + 80.5])
    n = int(found.count)
    assert n == len(times) >= 3
    assert np.all(np.isinf(found.spikes[n:]))
    ledger(
        "solve",
        "SciPy DOP853 from spike to spike",
        "spike times of AdEx, ms",
        np.abs(found.spikes[:n] - times).max(),
        1e-6,
    )
    np.testing.assert_allclose([found.state.v, found.state.w], last, atol=1e-5)
    np.testing.assert_allclose([found.v[0], found.v[-1]], [-70.6, found.state.v], atol=0.0)

    @eqx.filter_jit
    @eqx.filter_grad
    def slope(both):
        found = run(*both)
        return found.spikes[1] + 0.1 * found.spikes[2] + found.v[2] + 0.01 * found.state.w

    found = slope((cell, jump))

    def value(cell, jump):
        found = run(cell, jump)
        return float(found.spikes[1] + 0.1 * found.spikes[2] + found.v[2] + 0.01 * found.state.w)

    for name in ("b", "v_t", "v_reset"):
        move = lambda h, name=name: eqx.tree_at(lambda c: getattr(c, name), cell, getattr(cell, name) + h)
        expected = (value(move(2e-3), jump) - value(move(-2e-3), jump)) / 4e-3
        np.testing.assert_allclose(getattr(found[0], name), expected, rtol=1e-5, err_msg=name)
    expected = (value(cell, jump + 1e-3) - value(cell, jump - 1e-3)) / 2e-3
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)


def test_closed_forms_of_a_leaky_cell(ledger, x64):
    """Spike times tau ln(I / (I - 1)), the refractory period no multiple of anything; their derivatives; batches; a cell
    that begins above threshold; a conductance; an implicit solver."""
    method = dict(rtol=1e-10, atol=1e-10)
    cell = nex.Refractory(nex.LIF(), 2.345)

    def run(i, t_ref):
        refractory = eqx.tree_at(lambda c: c.t_ref, cell, t_ref)
        return nex.solve(refractory, 100.0, i, max_spikes=6, max_steps=400, **method)

    currents = jnp.array([0.5, 1.2, 1.5])
    found = jax.jit(jax.vmap(run, (0, None)))(currents, cell.t_ref)
    assert found.count.tolist() == [0, 2, 4]
    first = 20.0 * np.log(1.5 / 0.5)
    expected = [first * (k + 1) + 2.345 * k for k in range(4)]
    error = np.abs(np.asarray(found.spikes[2, :4], np.float64) - expected).max()
    ledger("solve", "closed form", "spike times of a refractory LIF cell, ms", error, 1e-7)
    slopes = jax.jit(jax.jacfwd(lambda i, t_ref: run(i, t_ref).spikes[3], (0, 1)))(currents[2], cell.t_ref)
    np.testing.assert_allclose(slopes, [4.0 * 20.0 * (1.0 / 1.5 - 1.0 / 0.5), 3.0], rtol=1e-6)
    # (g + 1) dv/dt = ... : time constant 20 / 1.5, steady voltage 0.5 * 4 / 1.5.
    conductance = lambda t: nex.Affine(jnp.asarray(2.0), jnp.asarray(0.5))
    stiff = nex.solve(
        nex.LIF(),
        40.0,
        conductance,
        state=jnp.asarray(1.5),
        max_spikes=3,
        max_steps=400,
        solver=diffrax.Kvaerno5(),
        **method,
    )
    one = 20.0 / 1.5 * np.log(1.0 / (1.0 - 0.75))
    np.testing.assert_allclose(stiff.spikes, [0.0, one, 2.0 * one], atol=1e-6)


def test_errors_name_the_argument():
    cell = nex.LIF()
    for call, error, message in (
        (lambda: nex.solve(nex.Graded(), 10.0), TypeError, "solve: `cell` must be a neuron"),
        (lambda: nex.solve(cell, 10.0, solver=diffrax.Euler()), TypeError, "`solver` must be"),
        (lambda: nex.solve(cell, 10.0, t0=20.0), ValueError, "`t1` = 10.0 ms lies before"),
        (lambda: nex.solve(cell, 10.0, ts=[3.0, 2.0]), ValueError, "`ts` must increase"),
        (lambda: nex.solve(cell, 10.0, ts=[3.0, 12.0]), ValueError, "`ts` must lie between"),
        (lambda: nex.solve(cell, 10.0, max_spikes=0), ValueError, "`max_spikes` must be"),
        (lambda: nex.solve(cell, 10.0, nex.NoiseCurrent()), TypeError, "NoiseCurrent"),
        (lambda: nex.solve(cell, 10.0, state=jnp.zeros(3)), ValueError, "takes one cell"),
        (lambda: nex.solve(cell, 200.0, 3.0, max_spikes=2, max_steps=100), Exception, "raise `max_spikes`"),
        (lambda: nex.solve(cell, 200.0, 3.0, max_spikes=2, max_steps=3), Exception, "raise `max_steps`"),
    ):
        with pytest.raises(error, match=message):
            jtu.tree_map(np.asarray, call().spikes)


def test_currents_that_know_when_they_jump(x64):
    """`StepCurrent` is exact at its ends without a hint."""
    step = nex.StepCurrent(0.8, 5.3, 12.7)
    found = nex.solve(nex.LIF(), 20.0, step, ts=[12.7, 20.0], rtol=1e-10, atol=1e-10, max_spikes=1, max_steps=200)
    v = 0.8 * (1.0 - np.exp(-7.4 / 20.0))
    np.testing.assert_allclose(found.v, [v, v * np.exp(-7.3 / 20.0)], atol=1e-9)
    assert int(found.steps) < 60
