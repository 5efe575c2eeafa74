"""Published channels against NEURON, and against their equations written in another form."""

import inspect
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest
from neuroeqx import channels
from scipy.integrate import solve_ivp


NEURON = np.load(Path(__file__).parents[1] / "data" / "neuron_channels" / "reference.npz")
V = np.arange(-100.0, 41.0, 20.0)
TIMES = np.array([0.5, 2.0, 10.0, 50.0])
CLAMPED = {
    "hh:na": lambda: channels.na_hh1952(1.0),
    "hh:k": lambda: channels.k_hh1952(1.0),
    "hh:na, 16.3": lambda: channels.na_hh1952(1.0, celsius=16.3),
    "NaTa_t": lambda: channels.na_ta(1.0),
    "NaTs2_t": lambda: channels.na_ts2(1.0),
    "Nap_Et2": lambda: channels.na_p(1.0),
    "SKv3_1": lambda: channels.k_v3_1(1.0),
    "K_Tst": lambda: channels.k_t(1.0),
    "K_Pst": lambda: channels.k_p(1.0),
    "Im": lambda: channels.k_im(1.0),
    "Ih": lambda: channels.h_kole(1.0),
    "Ca_HVA": lambda: channels.ca_hva(1.0),
    "Ca_LVAst": lambda: channels.ca_lva(1.0),
    "TC_iA:1": lambda: channels.k_a1(1.0, celsius=34.0),
    "TC_iA:2": lambda: channels.k_a2(1.0, celsius=34.0),
    "TC_HH:na": lambda: channels.na_traub(1.0, v_sh=-55.5, celsius=34.0),
    "TC_HH:k": lambda: channels.k_traub(1.0, v_sh=-45.5, celsius=34.0),
}
MADE_BY = {
    name: made
    for name, made in vars(channels).items()
    if inspect.isfunction(made) and made.__annotations__.get("return") is channels.Channel
}


def clamped(made):
    """Open fractions `[step, time]` after steps from -80 mV."""
    v = jnp.asarray(V)
    before = made.init(jnp.full_like(v, -80.0), {})
    at = lambda t: made.conductance(made.advance(before, v, {}, t), v, {})
    return jax.vmap(at, out_axes=1)(jnp.asarray(TIMES))


def test_open_fractions_after_steps_are_those_of_neuron(x64, ledger):
    found = eqx.filter_jit(lambda made: {name: clamped(x) for name, x in made.items()})(
        {name: make() for name, make in CLAMPED.items()}
    )
    assert set(found) == {name.removeprefix("clamp ") for name in NEURON.files if name.startswith("clamp")}
    for name, x in found.items():
        # NEURON's file steps 0.1 uV aside where a rate of its own is 0 / 0.
        error = np.abs(np.asarray(x) - NEURON[f"clamp {name}"]).max()
        ledger("Channel", f"NEURON, {name}", "open fraction after steps to -100 ... 40 mV", error, 1e-8)
        assert np.ptp(NEURON[f"clamp {name}"]) > 1e-4


def test_the_current_of_goldman_hodgkin_and_katz_is_that_of_neuron(x64, ledger):
    c = channels
    below, above = c.Exponential(1.0, -469.0, 66.6), c.Exponential(1.0, -24.0, -10.5, 28.0)
    p = c.RelaxationGate(c.Boltzmann(-59.0, 6.2), c.Bell(1.0, -134.0, -16.7, -18.8, 18.2, 0.612), 2, c.Q10(2.5, 24.0))
    q = c.RelaxationGate(c.Boltzmann(-83.0, -4.0), c.Piecewise(below, above, -82.0), 1, c.Q10(2.5, 24.0))
    made = c.Channel({"p": p, "q": q}, 0.2e-3, "ca", celsius=34.0, driving=c.GHK(2, 34.0))
    v = jnp.asarray(V)
    ions = {"ca": c.NernstIon(2.4e-4, 2.0, 2, 34.0).values(None)}

    @jax.jit
    def run():
        before = made.init(jnp.full_like(v, -80.0), ions)
        gates = jax.vmap(lambda t: made.advance(before, v, ions, t))(jnp.asarray(TIMES))
        current, affine = jax.vmap(lambda gates: (made.current(gates, v, ions), made.affine(gates, v, ions)))(gates)
        # The tangent, here and 0.1 mV beside.
        beside = jax.vmap(lambda gates: made.current(gates, v + 0.1, ions))(gates)
        tangent = lambda v: jax.vmap(lambda affine: affine(v))(affine).T
        return current.T, tangent(v), tangent(v + 0.1), beside.T

    found, tangent, tangent_beside, beside = map(np.asarray, run())
    error = np.abs(found - NEURON["ghk"]).max() / np.abs(NEURON["ghk"]).max()
    ledger(
        "GHK", "NEURON, TC_ITGHK_Des98", "current after steps to -100 ... 40 mV, relative to the greatest", error, 1e-8
    )
    np.testing.assert_allclose(tangent, found, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tangent_beside, beside, rtol=1e-3, atol=1e-8)


def open_at(v, half, k):
    """A steady state, by the hyperbolic tangent."""
    return 0.5 + 0.5 * np.tanh((v - half) / (2.0 * k))


def bell(v, one, other):
    return 1.0 / (np.exp((v - one[0]) / one[1]) + np.exp((v - other[0]) / other[1]))


C = 3e-3  # mM
T36 = lambda q, reference: q ** ((36.0 - reference) / 10.0)
# name -> gate -> (steady state, time constant at 36 degrees). Of K2 at 23.5 degrees.
FORMULAS = {
    "k_2a": {
        "p": lambda v: (open_at(v, -43.0, 17.0) ** 4, 9.9 + bell(v, (81.0, 25.6), (-132.0, -18.0))),
        "q": lambda v: (open_at(v, -58.0, -10.6), 120.0 + bell(v, (1329.0, 200.0), (-130.0, -7.1))),
    },
    "k_2b": {
        "p": lambda v: (open_at(v, -43.0, 17.0) ** 4, 9.9 + bell(v, (81.0, 25.6), (-132.0, -18.0))),
        "q": lambda v: (
            open_at(v, -58.0, -10.6),
            np.where(v < -70.0, 120.0 + bell(v, (1329.0, 200.0), (-130.0, -7.1)), 8930.0),
        ),
    },
    "k_m": {
        "p": lambda v: (
            open_at(v, -35.0, 10.0),
            4000.0 / (4.3 * np.cosh((v + 35.0) / 20.0) + 2.3 * np.sinh((v + 35.0) / 20.0)),
        ),
    },
    "ca_t_hm1992": {
        "p": lambda v: (
            open_at(v, -60.0, 6.2),
            (0.612 + bell(v, (-132.0, -16.7), (-16.8, 18.2))) / T36(3.55, 24.0),
        ),
        "q": lambda v: (
            open_at(v, -84.0, -4.0),
            np.where(v < -80.0, np.exp((v + 467.0) / 66.6), 28.0 + np.exp(-(v + 22.0) / 10.5)) / T36(3.0, 24.0),
        ),
    },
    "ca_t_hp1992": {
        "p": lambda v: (open_at(v, -52.0, 7.4), (3.0 + bell(v, (-27.0, 10.0), (-102.0, -15.0))) / T36(5.0, 24.0)),
        "q": lambda v: (open_at(v, -80.0, -5.0), (85.0 + bell(v, (-48.0, 4.0), (-407.0, -50.0))) / T36(3.0, 24.0)),
    },
    "ca_l": {
        "p": lambda v: (open_at(v, -10.0, 4.0), 0.4 + 0.35 / np.cosh((v + 5.0) / 15.0)),
        "q": lambda v: (open_at(v, -25.0, -2.0), 300.0 + 50.0 / np.cosh((v + 40.0) / 9.5)),
    },
    "can": {"p": lambda v: (open_at(v, -43.0, 5.2), 1.6 + 1.35 / np.cosh((v + 55.0) / 15.0))},
    "k_ahp": {
        "p": lambda v: (
            np.full_like(v, 48.0 * C**2 / (48.0 * C**2 + 0.03)),
            np.full_like(v, 1.0 / (48.0 * C**2 + 0.03) / T36(3.0, 22.0)),
        ),
    },
    "k_sk": {"z": lambda v: (np.full_like(v, C**4.8 / (C**4.8 + 0.00043**4.8)), np.ones_like(v))},
    "h_hm1992": {
        "p": lambda v: (
            open_at(v, -75.0, -5.5),
            1.0 / (np.exp(-14.59 - 0.086 * v) + np.exp(-1.87 + 0.0701 * v)),
        )
    },
}


def test_steady_states_and_time_constants_are_those_of_the_equations(x64, ledger):
    """Of channels that are in none of NEURON's files; from the rates of change of closed and of open gates."""
    v = np.linspace(-110.0, 45.0, 32)
    at_v = jnp.asarray(v)
    made = {name: MADE_BY[name](1.0) for name in FORMULAS}

    def rates(x):
        ions = {"ca": channels.IonValues(jnp.asarray(120.0), jnp.asarray(C))}
        steady = x.init(at_v, ions)
        at = lambda value: x.derivative({gate: jnp.full_like(at_v, value) for gate in steady}, at_v, ions)
        return steady, at(0.0), at(1.0), x.conductance(steady, at_v, ions)

    found = jax.jit(lambda: {name: rates(x) for name, x in made.items()})()
    for name, (steady, closed, opened, g) in found.items():
        errors, total = [], np.ones_like(v)
        for gate, formula in FORMULAS[name].items():
            inf, tau = formula(v)
            errors += [np.asarray(steady[gate]) - inf, np.asarray(closed[gate]) * tau - inf]
            errors += [np.asarray(opened[gate]) * tau - inf + 1.0]
            total = total * inf ** (MADE_BY[name]().gates[gate].power)
        if name == "can":
            total = total * C / (C + 0.2)
        errors.append(np.asarray(g) - total)
        ledger("Channel", f"the equations in NumPy, {name}", "gates and conductance", np.abs(errors).max(), 1e-11)
    # What is in none of the tests is a leak.
    tested = {*FORMULAS, "na_hh1952", "k_hh1952", "na_traub", "k_traub", "na_ta", "na_ts2", "na_p", "k_v3_1"}
    tested |= {"k_t", "k_p", "k_im", "h_kole", "ca_hva", "ca_lva", "k_a1", "k_a2"}
    assert set(MADE_BY) - tested == {"leak", "k_leak"}


def test_ih_with_calcium(x64, ledger):
    ih, c, v = channels.CalciumDependentIh(), 1.5e-3, -82.0
    ions = {"ca": channels.IonValues(jnp.asarray(120.0), jnp.asarray(c))}
    h_inf, tau = open_at(v, -75.0, -5.5), 20.0 + 1000.0 * bell(v, (-71.5, 14.2), (-89.0, -11.6))

    def field(t, y):  # 2.5e7 / mM^4 is the rate of binding of the paper
        o, locked, p = y
        closed = 1.0 - o - locked
        do = closed * h_inf / tau - o * (1.0 - h_inf) / tau - 0.1 * p * o + 0.001 * locked
        return [do, 0.1 * p * o - 0.001 * locked, 2.5e7 * c**4 * (1.0 - p) - 0.0004 * p]

    start = [0.1, 0.05, 0.2]
    exact = solve_ivp(field, (0.0, 100.0), start, method="LSODA", rtol=1e-11, atol=1e-13).y[:, -1]

    @jax.jit
    def run():
        at = jnp.asarray(v)
        gates = {name: jnp.asarray(x) for name, x in zip("olp", start, strict=True)}
        move = lambda gates, _: (ih.advance(gates, at, ions, 0.5), None)
        end = jax.lax.scan(move, gates, None, length=200)[0]
        steady = ih.init(at, ions)
        return end, ih.derivative(steady, at, ions), ih.derivative(gates, at, ions), ih.affine(end, at, ions)

    end, still, slopes, affine = run()
    error = max(abs(end[name] - x) for name, x in zip("olp", exact, strict=True))
    ledger("CalciumDependentIh", "SciPy, LSODA", "variables after 100 ms in steps of 0.5 ms", error, 2e-6)
    np.testing.assert_allclose([slopes[name] for name in "olp"], field(0.0, start), rtol=1e-12)
    np.testing.assert_allclose(list(still.values()), 0.0, atol=1e-15)
    np.testing.assert_allclose(affine.a - v * affine.b, 0.02 * (end["o"] + 2.0 * end["l"]) * (-40.0 - v), rtol=1e-12)


def test_all_channels_are_finite_everywhere():
    """Where rates are quotients of zeros, and far from where any membrane gets, in single precision; derivatives too."""
    singular = [-40.0, -55.0, -50.0, -23.0, -45.0, -38.0, -66.0, -32.0, -60.0, -17.0, -64.4, -27.0, -154.9]
    v = jnp.asarray([-1000.0, -200.0, *singular, 100.0, 1000.0])
    membrane = channels.Membrane(
        {"ih": channels.CalciumDependentIh(), **{name: make() for name, make in MADE_BY.items()}},
        {"ca": channels.CalciumPool()},
    )

    def after(v):
        state = membrane.init(v)
        current, rates = membrane.derivative(membrane.advance(state, v, 0.1), v)
        return [current, *jtu.tree_leaves((state, rates))]

    # Not compiled: of thousands of operations each is needed once.
    values, slopes = jax.jvp(after, (v,), (jnp.ones_like(v),))
    assert len(values) > 40
    for x in (*values, *slopes):
        assert np.all(np.isfinite(x))


@pytest.mark.parametrize("k", [10.0, -6.0])
def test_a_linoid_passes_its_singular_voltage(dtype, k):
    rate = channels.Linoid(0.7, -40.0, k)
    values, slopes = jax.vmap(jax.value_and_grad(rate))(jnp.asarray([-40.0, -40.0 + 1e-3, -35.0]))
    x = np.array([1e-3, 5.0]) / k
    expected = 0.7 * np.array([1.0, *(x / -np.expm1(-x))])
    np.testing.assert_allclose(values, expected, rtol=2e-6 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(slopes[0], 0.35 / k, rtol=1e-5 if dtype == "float32" else 1e-11)
