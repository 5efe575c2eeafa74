"""The sodium-potassium pump and the ions it moves, against closed forms, SciPy and NEURON."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import cable, channels
from scipy import constants


FARADAY = constants.physical_constants["Faraday constant"][0]
THERMAL = 1000.0 * constants.R * (36.0 + 273.15) / FARADAY
NEURON = np.asarray(json.loads((Path(__file__).parents[1] / "data" / "neuron_pump" / "reference.json").read_text()))


def hill(na, k):
    """Of a pump of half activation 10 and 3.5 mM."""
    return (1.0 + 10.0 / na) ** -3 * (1.0 + 3.5 / k) ** -2


def test_a_pool_follows_its_current_in_and_out(x64, ledger):
    # 0.25 um below 1 cm2 are 2.5e-5 cm3. Chloride that comes in is a current out.
    rate = lambda current, z: current * 1e-6 / (z * FARADAY) / 2.5e-5 * 1e6 * 1e-3  # mM/ms
    chloride = channels.IonPool(7.0, 130.0, -1, depth=0.25, ratio=5.0)
    calcium = channels.IonPool(1e-4, 2.0, 2, depth=0.25, tau=80.0, gamma=0.05)

    @jax.jit
    def run():
        inward, outward = jnp.asarray(2.0), jnp.asarray(-2.0)
        later = chloride.advance(jnp.asarray(7.0), outward, 30.0)
        return (
            later,
            chloride.values(later),
            calcium.advance(jnp.asarray(3e-4), outward, 5.0),
            calcium.advance(jnp.asarray(3e-4), inward, 5.0),
        )

    later, values, out, into = run()
    expected = 7.0 + 30.0 * rate(2.0, 1)
    outer = 130.0 - 5.0 * (expected - 7.0)
    np.testing.assert_allclose([later, values.outer], [expected, outer], rtol=1e-7)
    np.testing.assert_allclose(values.e, -THERMAL * np.log(outer / expected), rtol=1e-7)
    error = 0.0
    for found, current in ((out, -2.0), (into, 2.0)):
        steady = 1e-4 + 80.0 * 0.05 * rate(current, 2)
        error = max(error, abs(found - (steady + (3e-4 - steady) * np.exp(-5.0 / 80.0))))
    ledger("IonPool", "closed form", "concentration under constant currents in and out, mM", error, 1e-10)
    assert out < 3e-4 < into


def test_at_the_potential_of_mullins_and_noda_nothing_moves(x64, ledger):
    """A cell whose channels leak three sodium ions for two of potassium rests where r = 3/2 in its equation."""
    na, k = channels.IonPool(12.0, 145.0), channels.IonPool(140.0, 4.0)
    p_na, p_k, r = 2e-7, 5e-6, 1.5
    v = THERMAL * np.log((r * p_k * 4.0 + p_na * 145.0) / (r * p_k * 140.0 + p_na * 12.0))
    x = v / THERMAL
    inward = p_na * FARADAY * x * (145.0 * np.exp(-x) - 12.0) / (1.0 - np.exp(-x))
    pump = channels.SodiumPotassiumPump(inward / 3.0 / hill(12.0, 4.0))
    leak = lambda p, ion: channels.Channel({}, p, ion, driving=channels.GHK(1))
    membrane = channels.Membrane({"na": leak(p_na, "na"), "k": leak(p_k, "k"), "pump": pump}, {"na": na, "k": k})
    state = membrane.init(jnp.asarray(v))
    total, rates = membrane.derivative(state, jnp.asarray(v))
    moves = [total, *(1e3 * x for x in rates.ions.values() if x is not None)]
    error = max(abs(float(x)) for x in moves)
    assert inward > 0.1 and v < -70.0
    ledger("SodiumPotassiumPump", "Mullins & Noda 1963", "currents in uA/cm2 and mM/s at its rest", error, 1e-7)
    affine = membrane.affine(state, jnp.asarray(v))
    np.testing.assert_allclose(affine.a - affine.b * v, total, atol=1e-12)


def membrane(leak):
    """Hodgkin and Huxley's, with a shell of 0.05 um in which ions gather."""
    pool = lambda inner, outer, ratio: channels.IonPool(inner, outer, depth=0.05, ratio=ratio, celsius=6.3)
    made = {
        "na": channels.na_hh1952(120.0, "na"),
        "k": channels.k_hh1952(36.0, "k"),
        "leak": channels.leak(leak, -60.0),
        "pump": channels.SodiumPotassiumPump(20.0),
    }
    return made, {"na": pool(12.0, 120.0, 0.0), "k": pool(110.0, 5.0, 0.2)}


CURRENT = 10.0


def of_cell(state):
    y = state.cell
    return jnp.stack([y.v, y.ions["na"], y.ions["k"]])


def run(cell, dt):
    """Of a population of two, or of two compartments, after each ms: `[time, variable, 2]`."""
    population = nex.Population(cell, (2,))
    record = {"y": nex.state(of_cell, every=round(1.0 / dt))}
    return np.asarray(nex.simulate(population, 60.0, dt, jnp.full(2, CURRENT), record=record).records["y"].values)


def test_ions_gather_with_spikes_as_in_neuron_and_no_charge_is_lost(x64, ledger):
    made, ions = membrane(leak=[0.3, 0.0])
    y, without = np.moveaxis(run(channels.PointCell(made, ions, v_start=-70.0, stepper=nex.RK4()), 0.02), 2, 0)
    assert NEURON[:, 0].max() > 20.0 and NEURON[-1, 1] > 20.0
    found = np.concatenate([y, 5.0 - 0.2 * (y[:, 2:] - 110.0)], 1)
    error = np.abs(found - NEURON)
    # Where spikes are steep.
    ledger("SodiumPotassiumPump", "NEURON", "voltage with ions that gather, mV", error[:, 0].max(), 5e-3)
    ledger("IonPool", "NEURON", "concentrations under spikes, mM", error[:, 1:].max(), 1e-4)
    # The charge on the membrane is what has come as ions and from outside where there is no leak: a method of Runge and Kutta
    # keeps what is linear.
    charge = FARADAY * 0.05 / 10.0 * (without[:, 1] - 12.0 + without[:, 2] - 110.0)
    given = CURRENT * np.arange(1.0, 61.0)
    error = np.abs(without[:, 0] + 70.0 - charge - given).max() / given[-1]
    ledger("IonPool", "conservation of charge", "charge that is not accounted for, relative", error, 1e-9)


def test_compartments_have_it_too(x64):
    """Two that are alike, with voltages of second order and concentrations of first."""
    made, ions = membrane(leak=0.3)
    parts = cable.Compartments(cable.Morphology([cable.Branch(10.0, 1.0)]), 2)
    cell = cable.Cell(parts, made, ions, v_start=-70.0, method=cable.CrankNicolson())
    y = run(cell, 0.0125)
    np.testing.assert_allclose(y[:, :, 0], y[:, :, 1], rtol=1e-9)
    np.testing.assert_allclose(y[:15, 0, 0], NEURON[:15, 0], atol=0.15)
    for i in (1, 2):
        np.testing.assert_allclose(y[:, i, 0], NEURON[:, i], atol=0.01 * np.ptp(NEURON[:, i]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: channels.IonPool(0.0, 1.0), "`inner`"),
        (lambda: channels.IonPool(1.0, 1.0, 0), "IonPool: `valence` must be a whole number other than 0"),
        (lambda: channels.IonPool(1.0, 1.0, depth=-1.0), "`depth`"),
        (lambda: channels.SodiumPotassiumPump(-1.0), "`i_max`"),
        (lambda: channels.SodiumPotassiumPump(sodium="k"), "are both 'k'"),
        (
            lambda: channels.Membrane(
                {"pump": channels.SodiumPotassiumPump()},
                {"na": channels.FixedIon(50.0, 10.0), "k": channels.FixedIon(-80.0)},
            ),
            "needs the concentration 'outer' of the ion 'k'",
        ),
        (lambda: channels.Membrane({"pump": channels.SodiumPotassiumPump()}), "names the ion 'na'"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
