"""Steppers against closed forms and their declared orders."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from laws.test_table import public_finals
from neuroeqx.testing import check_order
from thorough import all_but


def solve(stepper, vector_field, y0, t1, steps, args=None):
    dt = t1 / steps
    y, _ = lax.scan(lambda y, i: (stepper(vector_field, i * dt, dt, y, args), None), y0, jnp.arange(steps, dtype=float))
    return y


def logistic(t, y, args):
    return y * (1.0 - y)


class Pair(nex.AbstractGradedCell):
    """Two variables that turn about each other: a damped oscillation, or a nonlinear one with time in it, of which nothing
    is diagonal or autonomous."""

    nonlinear: bool = False
    with_time: bool = False
    stepper: nex.AbstractStepper = nex.ExpEuler()

    def init(self, shape, *, key=None):
        return jnp.full(shape, 1.0), jnp.full(shape, 0.3)

    def vector_field(self, t, y, current):
        a, b = y
        if not self.nonlinear:
            return (b + current(a), -4.0 * a - 0.4 * b)
        return (b - a**3 / 3.0 + jnp.sin(t if self.with_time else 0.0 * a), -0.5 * a + 0.2 * b)

    def output(self, y):
        return y[0]


ORDERS = {
    "Euler": (nex.Euler(), 1),
    "ExpEuler": (nex.ExpEuler(), 1),
    "ExpEulerBlock": (nex.ExpEulerBlock(), 2),
    "Exact": (nex.Exact(), 2),
    "Strang": (nex.Strang(), 2),
    "RK4": (nex.RK4(), 4),
    "VoltageFirst": (nex.VoltageFirst(), 1),
    "Heun": (nex.FromDiffrax(diffrax.Heun()), 2),
    "Repeated": (nex.Repeated(nex.FromDiffrax(diffrax.Heun()), 3), 2),
    "Bosh3": (nex.FromDiffrax(diffrax.Bosh3()), 3),
}
AUTONOMOUS_ONLY = (nex.Exact, nex.ExpEulerBlock)


@pytest.mark.parametrize(("stepper", "order"), ORDERS.values(), ids=ORDERS)
def test_order_of_convergence(stepper, order, ledger):
    assert stepper.order == order
    with_time = not isinstance(stepper, AUTONOMOUS_ONLY)
    departures = "" if with_time else "for autonomous systems"
    linear = check_order(Pair(), stepper, 1.0)
    assert (linear == np.inf) == isinstance(stepper, AUTONOMOUS_ONLY)
    slopes = [check_order(Pair(nonlinear=True, with_time=with_time), stepper), *([] if linear == np.inf else [linear])]
    error = np.abs(np.array(slopes) - order).max()
    ledger(type(stepper).__name__, "nominal order", "order with two pairs, over 4 halvings", error, 0.1, departures)


# A current below threshold, in the units of each cell.
CURRENTS = {
    nex.LIF: 0.8, nex.IF: 0.3, nex.ALIF: 0.5, nex.ExpIF: 300.0, nex.AdEx: 300.0, nex.QIF: 2.0, nex.AdaptiveQIF: 2.0,
    nex.Izhikevich: 2.0, nex.Izhikevich2007: 50.0, nex.GIF: 50.0, nex.GLIF: 50.0, nex.MAT2: 100.0, nex.HodgkinHuxley: 2.0,
    nex.TraubMiles: 100.0, nex.WangBuzsaki: 0.5, nex.MorrisLecar: 50.0, nex.FitzHughNagumo: 0.5, nex.HindmarshRose: 1.2,
    nex.Leaky: 0.5, nex.Graded: 0.5,
}  # fmt: skip
# The time, ms, and the fewest steps of it, where 2 and 40 do not do: of fourth order errors are soon those of rounding.
FEWEST = {nex.HindmarshRose: (0.5, 40)}
FOURTH = dict.fromkeys(CURRENTS, (4.0, 4)) | FEWEST | {
    nex.HodgkinHuxley: (2.0, 40), nex.TraubMiles: (2.0, 20), nex.WangBuzsaki: (2.0, 20), nex.FitzHughNagumo: (2.0, 10),
}  # fmt: skip
# Exponential Euler of one variable that does not depend on time is a Rosenbrock method of second order.
BETTER = {(nex.ExpEuler, nex.ExpIF): 2, (nex.ExpEuler, nex.QIF): 2}


def test_every_cell_has_a_current():
    cells = public_finals(nex.AbstractNeuron) | public_finals(nex.AbstractGradedCell)
    # Masses (tests/rates) and cells of channels (tests/channels) are held to integrators of SciPy and to orders there.
    others = {"Refractory", "EscapeRate", "AtPeak", "PointCell"} | set(vars(nex.rates))
    assert {cell.__name__ for cell in CURRENTS} == cells - others


@pytest.mark.parametrize(
    # `Exact` is `ExpEulerBlock` where nothing depends on time.
    "name",
    all_but((name for name in ORDERS if name not in ("Repeated", "Bosh3", "Exact")), ("ExpEuler", "Strang")),
)
def test_order_with_every_cell(name, ledger):
    stepper, _ = ORDERS[name]
    slopes = {}
    for kind, current in CURRENTS.items():
        t1, steps = (FOURTH if stepper.order == 4 else FEWEST).get(kind, (2.0, 40))
        better = BETTER.get((type(stepper), kind))
        slope = check_order(kind(), stepper, current, t1=t1, steps=steps, tolerance=1.1 if better else 0.1)
        slopes[kind] = slope - (better or stepper.order)
    errors = [abs(error) for error in slopes.values() if error != np.inf]
    assert len(errors) >= 10
    departures = "order 2 with one variable alone (`ExpIF`, `QIF`)" if isinstance(stepper, nex.ExpEuler) else ""
    quantity = "order with every neuron, over 4 halvings"
    ledger(type(stepper).__name__, "nominal order", quantity, max(errors), 0.1, departures)


def test_a_wrong_order_is_found():
    class Crooked(nex.AbstractStepper):
        order = 2

        def __call__(self, vector_field, t, dt, y, args, *, key=None):
            return nex.Euler()(vector_field, t, dt, y, args)

    with pytest.raises(AssertionError, match=r"Crooked with Pair: .* power 1.* should be 2 .* they are 0.05 ms: 0\."):
        check_order(Pair(), Crooked(), 1.0)
    with pytest.raises(ValueError, match="nothing moves"):
        check_order(nex.LIF())


@pytest.mark.parametrize("make", [nex.ExpEulerBlock, nex.Strang])
def test_native_steps_take_it(make):
    assert nex.explain(nex.Population(nex.MorrisLecar(stepper=make()), 4)).kept == []


@pytest.mark.parametrize("stepper", [nex.ExpEuler(), nex.Exact(), nex.Strang()], ids=["ExpEuler", "Exact", "Strang"])
@pytest.mark.parametrize("dt", [2.0**-k for k in range(0, 14, 3)])
def test_exact_for_a_leak_at_any_step(stepper, dt, x64, ledger):
    # NEST's test of exact integration: 1000 pA into 250 pF with 10 ms, read at 5 ms.
    current, tau, capacity = 1000.0, 10.0, 250.0
    field = lambda t, v, args: (-v + current * tau / capacity) / tau
    v = solve(stepper, field, jnp.array(0.0), 5.0, round(5.0 / dt))
    error = abs(float(v) - current * tau / capacity * (1.0 - np.exp(-5.0 / tau)))
    quantity = "1000 pA into 250 pF, 10 ms, at 5 ms, steps of 1 ... 2^-12 ms, mV"
    ledger(type(stepper).__name__, "closed form (NEST's test)", quantity, error, 1e-12)


@pytest.mark.parametrize("stepper", [nex.Exact(), nex.ExpEulerBlock()], ids=["Exact", "ExpEulerBlock"])
def test_exact_solves_coupled_linear_systems(stepper, x64, ledger):
    # A damped oscillation: diagonal methods cannot, the full propagator must.
    def field(t, y, args):
        x, v = y
        return (v, -4.0 * x - 0.4 * v + 1.0)

    y = solve(stepper, field, (jnp.array(1.0), jnp.array(0.0)), 3.0, 2)
    damping, omega = 0.2, np.sqrt(4.0 - 0.04)
    x = 0.25 + 0.75 * np.exp(-damping * 3.0) * (np.cos(omega * 3.0) + damping / omega * np.sin(omega * 3.0))
    ledger(type(stepper).__name__, "closed form", "damped oscillation, two steps of 1.5", abs(float(y[0]) - x), 1e-12)


def test_exp_euler_solves_a_gate_exactly_and_a_vanishing_rate_as_euler(dtype):
    alpha, beta = 0.3, 1.7
    gate = solve(nex.ExpEuler(), lambda t, x, a: alpha * (1.0 - x) - beta * x, jnp.array(0.9), 1.0, 3)
    limit = alpha / (alpha + beta)
    np.testing.assert_allclose(gate, limit + (0.9 - limit) * np.exp(-2.0), rtol=3e-7 if dtype == "float32" else 1e-14)
    constant = solve(nex.ExpEuler(), lambda t, x, a: 0.0 * x + 2.0, jnp.array(1.0), 1.0, 4)
    np.testing.assert_allclose(constant, 3.0, rtol=1e-6)


def test_solvers_that_need_memory_are_refused():
    with pytest.raises(ValueError, match="needs memory of earlier steps"):
        nex.FromDiffrax(diffrax.LeapfrogMidpoint())


def test_an_implicit_diffrax_solver_works(x64):
    import optimistix as optx

    solver = diffrax.Kvaerno3(root_finder=optx.Newton(rtol=1e-10, atol=1e-10))
    y = solve(nex.FromDiffrax(solver), logistic, jnp.array(0.1), 1.0, 50)
    np.testing.assert_allclose(y, 1.0 / (1.0 + 9.0 * np.exp(-1.0)), rtol=1e-6)


def test_repeated_is_shorter_steps(x64):
    found = solve(nex.Repeated(nex.RK4(), 3), logistic, jnp.array(0.1), 1.0, 4)
    np.testing.assert_allclose(found, solve(nex.RK4(), logistic, jnp.array(0.1), 1.0, 12), rtol=1e-14)
    with pytest.raises(ValueError, match="`n` must be a whole number of steps, at least 1, got 0"):
        nex.Repeated(nex.RK4(), 0)


def test_steppers_are_pytrees_without_parameters():
    assert not eqx.filter(nex.ExpEuler(), eqx.is_array).__dict__
