"""The block by magnesium against its formula."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import DT


def test_the_formula_of_jahr_and_stevens(x64, ledger):
    v, g = np.linspace(-120.0, 80.0, 81), np.linspace(0.1, 2.0, 81)
    expected = g * (5.0 - v) / (1.0 + np.exp(-0.062 * v) * (1.2 / 3.57))
    found = nex.MgBlock(5.0)(jnp.asarray(g), jnp.asarray(v))
    ledger("MgBlock", "formula of Jahr & Stevens", "current", np.abs(found - expected).max(), 1e-12)
    shifted = nex.MgBlock(5.0, v_offset=10.0)(jnp.asarray(g), jnp.asarray(v))
    expected = g * (5.0 - v) / (1.0 + np.exp(-0.062 * (v - 10.0)) * (1.2 / 3.57))
    np.testing.assert_allclose(shifted, expected, rtol=1e-12)
    # Half is blocked where the exponential makes up for the concentration.
    half = np.log(1.2 / 3.57) / 0.062
    np.testing.assert_allclose(nex.MgBlock()(jnp.ones(()), jnp.asarray(half)), -half / 2.0, rtol=1e-12)


def test_without_magnesium_it_is_a_plain_conductance(x64):
    v = jnp.linspace(-90.0, 50.0, 9)
    np.testing.assert_array_equal(nex.MgBlock(3.0, mg=0.0)(jnp.ones(9), v), nex.COBA(3.0)(jnp.ones(9), v))


def test_extreme_voltages_have_finite_gradients(dtype):
    out = nex.MgBlock()
    for v in (-1e4, -1e3, 1e3, 1e4):
        assert np.isfinite(jax.grad(lambda v: out(jnp.ones(()), v))(v))
        assert np.isfinite(jax.grad(lambda mg, v=v: nex.MgBlock(mg=mg)(jnp.ones(()), jnp.asarray(v)))(1.2))


def test_a_neuron_under_it(x64):
    """A network with it runs in one native call, and is the same equations as a plain loop."""
    receptors = {"nmda": nex.Receptor(nex.DualExpon(100.0, 2.0), nex.MgBlock())}
    target = nex.Population(nex.Leaky(tau=20.0, v_rest=-60.0, stepper=nex.Euler()), 1, receptors)
    source = nex.SpikeTimes([0.3 + 1e-9], [0], 1)
    net = nex.Network({"s": source, "t": target}, [nex.Projection("s", "t", "nmda", nex.connect.one_to_one(0.5))])
    assert nex.explain(net, DT).kept == []
    v, expected = -60.0, []
    shape = lambda t: np.exp(-t / 100.0) - np.exp(-t / 2.0)
    peak = shape(np.log(50.0) * 200.0 / 98.0)
    for n in range(100):
        g = 0.5 * shape(DT * max(n - 4, 0)) / peak
        v = v + DT / 20.0 * (-60.0 - v - g * v / (1.0 + np.exp(-0.062 * v) * (1.2 / 3.57)))
        expected.append(v)
    sol = nex.simulate(net, 10.0, DT, record={"v": nex.voltage("t")})
    np.testing.assert_allclose(sol.records["v"].values[:, 0], expected, rtol=1e-12)


def test_impossible_concentrations_are_refused():
    with pytest.raises(ValueError, match="MgBlock: `mg` must not be negative, got -1"):
        nex.MgBlock(mg=-1.0)
    with pytest.raises(ValueError, match="MgBlock: `beta` must be positive, got 0"):
        nex.MgBlock(beta=0.0)
