"""Ions against closed forms and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
from neuroeqx import channels
from scipy import constants
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


FARADAY = constants.physical_constants["Faraday constant"][0]


def test_nernst_potentials(x64, ledger):
    """Of calcium at 2.4e-4 and 2 mM; and RT / F at 36 degrees, 26.6 mV."""
    thermal = 1000.0 * constants.R * (36.0 + 273.15) / FARADAY
    found = channels.NernstIon(2.4e-4, 2.0, 2).values(None).e
    ledger("NernstIon", "RT / zF ln(outer / inner)", "mV", abs(found - 0.5 * thermal * np.log(2.0 / 2.4e-4)), 1e-6)
    assert abs(found - 120.26) < 0.01
    chloride = channels.nernst(jnp.asarray(7.0), jnp.asarray(7.0 * np.e), -1, jnp.asarray(36.0))
    np.testing.assert_allclose(chloride, -thermal, rtol=1e-9)
    pool = channels.CalciumPool()
    np.testing.assert_allclose(pool.values(pool.init(())).e, found, rtol=1e-12)


def test_the_current_of_goldman_hodgkin_and_katz(x64):
    """No current at the Nernst potential, and flux without a field at 0 mV, where the quotients are of zeros."""
    ion = channels.NernstIon(0.5, 2.0, 2).values(None)
    drive = channels.GHK(2)
    run = jax.jit(jax.vmap(jax.value_and_grad(lambda v: drive(v, ion))))
    current, slopes = run(jnp.asarray([float(ion.e), 0.0, 1e-3, -1e-3]))
    assert abs(current[0]) < 1e-9 * abs(current[1])
    np.testing.assert_allclose(current[1], 2.0 * FARADAY * (2.0 - 0.5), rtol=1e-9)
    np.testing.assert_allclose(slopes[1], (current[2] - current[3]) / 2e-3, rtol=1e-6)


def test_pools_of_calcium(dtype, ledger):
    """Steady states; and steps of any length, exact without a pump."""
    depth, tau, rest, gamma, pump, half = 0.2, 20.0, 1e-4, 0.05, 4e-5, 2e-4
    plain = channels.CalciumPool(depth, tau, rest, gamma)
    pumped = channels.CalciumPool(depth, tau, rest, gamma, pump, half)
    first = channels.CalciumFirstOrder(0.13, 0.075)
    # A current of 1 uA/cm2 is 1e-6 C/s through 1 cm2, below which there are `depth` um.
    influx = 3.0 * 1e-6 / (2.0 * FARADAY) / (depth * 1e-4) * 1e6 * 1e-3 * gamma  # mM/ms
    steady = rest + influx * tau
    field = lambda t, c: influx + (rest - c) / tau - pump * c / (c + half)
    balance = brentq(lambda c: field(0.0, c), 1e-6, 1.0, xtol=1e-15)
    start, t = 5e-4, 12.0
    later = solve_ivp(field, (0.0, t), [start], rtol=1e-10, atol=1e-14).y[0, -1]

    @jax.jit
    def run():
        inward, outward, c = jnp.asarray(3.0), jnp.asarray(-3.0), jnp.asarray(start)
        steps = jax.lax.scan(lambda c, _: (pumped.advance(c, inward, t / 400), None), c, None, length=400)[0]
        return {
            "step": plain.advance(c, inward, t),
            "steady": plain.derivative(jnp.asarray(steady), inward),
            "balance": pumped.derivative(jnp.asarray(balance), inward),
            "pumped": steps,
            "outward": plain.derivative(c, outward),
            "first": first.advance(c, inward, t),
        }

    found = run()
    single = dtype == "float32"
    tolerance = 1e-5 if single else 1e-8
    np.testing.assert_allclose(found["step"], steady + (start - steady) * np.exp(-t / tau), rtol=tolerance)
    np.testing.assert_allclose(found["steady"], 0.0, atol=tolerance * influx)
    np.testing.assert_allclose(found["balance"], 0.0, atol=tolerance * influx)
    np.testing.assert_allclose(found["outward"], (rest - start) / tau, rtol=tolerance)
    inf = 0.13 * 3.0 / 0.075
    np.testing.assert_allclose(found["first"], inf + (start - inf) * np.exp(-0.075 * t), rtol=tolerance)
    np.testing.assert_allclose(found["pumped"], later, rtol=1e-5)
    if not single:
        error = abs(float(found["pumped"]) / later - 1.0)
        ledger("CalciumPool", "SciPy, RK45", "concentration after 12 ms with a pump, relative", error, 1e-5)
