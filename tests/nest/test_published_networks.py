"""Balanced networks of the literature, against mean-field theory, published simulations and NEST 3.10."""

import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy import integrate, optimize, special
from thorough import all_but


def after(spikes, begin):
    """Times and cells of the spikes after the first `begin` ms."""
    times, cells = np.asarray(spikes.times), np.asarray(spikes.indices)
    late = times > begin
    return times[late], cells[late]


def irregularity(times, cells, n):
    """Coefficient of variation of the intervals, mean over cells with three or more of them."""
    order = np.lexsort((times, cells))
    intervals, owner = np.diff(times[order]), cells[order][1:]
    same = np.diff(cells[order]) == 0
    intervals, owner = intervals[same], owner[same]
    count = np.bincount(owner, minlength=n)
    enough = count >= 3
    mean, square = (np.bincount(owner, intervals**k, n)[enough] / count[enough] for k in (1, 2))
    return np.mean(np.sqrt(np.maximum(square - mean**2, 0.0)) / mean)


# Brunel (2000): 10,000 excitatory and 2,500 inhibitory cells that jump by 0.1 mV for each of 1,000, and by -g 0.1 mV for each
# of 250 spikes, and an external input of eta times what reaches threshold.

JUMP, TAU, THRESHOLD, RESET, PERIOD = 0.1, 20.0, 20.0, 10.0, 2.0
EXCITATORY, INHIBITORY = 1000, 250


def brunel(g, eta, key):
    cell = dict(tau_m=TAU, E_L=0.0, V_m=0.0, V_reset=RESET, V_th=THRESHOLD, t_ref=PERIOD)
    external = eta * THRESHOLD / (JUMP * EXCITATORY * TAU) * 1000.0
    populations, projections = {}, []
    for name, n in (("E", 10_000), ("I", 2500)):
        populations[name] = nex.nest.iaf_psc_delta(n, **cell)
        populations[f"outside {name}"] = nex.PoissonInput(EXCITATORY, external, n)
        given = nex.connect.one_to_one(JUMP)
        excite = nex.connect.fixed_in_degree(EXCITATORY, JUMP)
        inhibit = nex.connect.fixed_in_degree(INHIBITORY, -g * JUMP)
        projections += [
            nex.Projection(f"outside {name}", name, "ex", given),
            nex.Projection("E", name, "ex", excite, delay=1.5),
            nex.Projection("I", name, "in", inhibit, delay=1.5),
        ]
    return nex.Network(populations, projections, key=key)


def siegert(g, eta):
    """The rate (Hz) of all cells at which they fire as their input of that rate, taken as white noise, makes them."""
    external = eta * THRESHOLD / (JUMP * EXCITATORY * TAU)

    def response(rate):
        mean = JUMP * TAU * EXCITATORY * (external + rate * (1.0 - g / 4.0))
        deviation = JUMP * np.sqrt(TAU * EXCITATORY * (external + rate * (1.0 + g * g / 4.0)))
        low, high = (RESET - mean) / deviation, (THRESHOLD - mean) / deviation
        integral = integrate.quad(lambda u: special.erfcx(-u), low, high)[0]  # of e^(u^2) (1 + erf u)
        return 1.0 / (PERIOD + TAU * np.sqrt(np.pi) * integral)

    return 1000.0 * optimize.brentq(lambda rate: response(rate) - rate, 1e-6, 0.4999)


# Brunel's table 1 has rates of simulations and the frequencies at which the population oscillates; of the regular state it
# has none.
REGIMES = {
    # g, eta: duration, rate of theory, of the simulation and its tolerance, frequency, irregular, relative fluctuations
    "synchronous regular": ((3.0, 2.0), 300.0, 327.008, None, None),
    "synchronous irregular, fast": ((6.0, 4.0), 500.0, 55.841, (60.7, 0.05), (180.0, 10.0)),
    "asynchronous irregular": ((5.0, 2.0), 700.0, 37.950, (37.7, 0.02), None),
    "synchronous irregular, slow": ((4.5, 0.9), 1500.0, 6.517, (5.5, 0.12), (22.0, 5.0)),
}


@pytest.mark.parametrize("regime", all_but(REGIMES, ["synchronous irregular, fast", "asynchronous irregular"]))
def test_regimes_of_brunel(regime, ledger):
    (g, eta), duration, theory, simulated, frequency = REGIMES[regime]
    assert siegert(g, eta) == pytest.approx(theory, rel=1e-4)
    record = {"E": nex.spikes("E")}
    sol = nex.simulate(brunel(g, eta, jr.key(0)), 100.0 + duration, 0.1, record=record, key=jr.key(1))
    times, cells = after(sol.records["E"], 100.0)
    rate = times.size / 10_000 / duration * 1000.0
    found = lambda *args: ledger("iaf_psc_delta", *args)
    if simulated is None or "asynchronous" in regime:
        error = abs(rate / theory - 1.0)
        found("mean-field theory of Siegert", f"rate of Brunel's network, {regime}, relative", error, 0.025)
    if simulated is not None:
        error = abs(rate / simulated[0] - 1.0)
        found("Brunel (2000), simulation", f"rate of his network, {regime}, relative", error, simulated[1])
    # Cells fire one after the other with equal intervals, or as by chance; the population with a rhythm, or without one.
    cv = irregularity(times, cells, 10_000)
    assert cv < 0.05 if "regular" == regime.split()[-1] else 0.3 < cv < 1.2
    counts = np.histogram(times, np.arange(100.0, 100.01 + duration, 0.5))[0]
    power = np.abs(np.fft.rfft(counts - counts.mean())) ** 2
    frequencies = np.fft.rfftfreq(counts.size, 0.5e-3)
    width = round(10.0 / frequencies[1])
    power = np.convolve(power, np.ones(width) / width, "same")
    if frequency is not None:
        peak = frequencies[5:][np.argmax(power[5:])]
        found("Brunel (2000)", f"rhythm, {regime}, Hz", abs(peak - frequency[0]), frequency[1])


# Networks of 4,000 neurons, 2 % of pairs connected, of Vogels & Abbott (2005) in the form of Brette et al. (2007).


def balanced(kind, key):
    start = lambda key, shape: jr.uniform(key, shape, minval=-60.0, maxval=-50.0)
    cell = dict(C_m=200.0, V_th=-50.0, V_reset=-60.0, t_ref=5.0, tau_syn_ex=5.0, tau_syn_in=10.0, V_m=start)
    if kind == "currents":
        make, weights = nex.nest.iaf_psc_exp, (16.2, -90.0)
        cell |= dict(E_L=-49.0, tau_m=20.0)
    else:
        make, weights = nex.nest.iaf_cond_exp, (6.0, -67.0)
        cell |= dict(E_L=-60.0, g_L=10.0, E_ex=0.0, E_in=-80.0)
    # 20 sources at 300 Hz for 50 ms set the activity off.
    times, sources = np.asarray(jr.uniform(jr.fold_in(key, 0), (2, 300)), float)
    kick = nex.SpikeTimes(50.0 * times, (20 * sources).astype(int), 20)
    populations = {"E": make(3200, **cell), "I": make(800, **cell), "kick": kick}
    projections = [
        nex.Projection(source, target, receptor, nex.connect.bernoulli(p, weight), delay=0.1)
        for source, receptor, p, weight in (
            ("E", "ex", 0.02, weights[0]), ("I", "in", 0.02, weights[1]), ("kick", "ex", 0.1, weights[0]),
        )
        for target in "EI"
    ]  # fmt: skip
    return nex.Network(populations, projections, key=key)


# Of NEST 3.10 from 200 to 1,000 ms: rates of E and I (Hz), irregularity of E, Fano factor of E in windows of 3 ms, for each of
# its seeds. How far networks of this kind are from each other in this time is from 30 of ours. Those with conductances burst;
# of ours the rates are taken over 5 s, and the rest over the same time as NEST's.
NEST = {
    "currents": ("iaf_psc_exp", 10, 800.0, (5.68, 5.90, 5.85), (5.56, 5.66), (0.517, 0.534), (3.5, 5.1), (0.27, 0.064)),
    "conductances": ("iaf_cond_exp", 5, 5000.0, (15.6, 19.4), (17.6, 18.8), (1.55, 1.57), (5.7, 6.4), (1.28, 0.60)),
}


@pytest.mark.parametrize("kind", all_but(NEST, ["currents"]))
def test_networks_of_vogels_and_abbott(kind, ledger):
    model, seeds, duration, excitatory, inhibitory, cvs, fanos, spreads = NEST[kind]
    record = {name: nex.spikes(name) for name in "EI"}
    rates, cv, fano = [], [], []
    for seed in range(seeds):
        net = balanced(kind, jr.key(seed))
        sol = nex.simulate(net, 200.0 + duration, 0.1, record=record, key=jr.key(100 + seed))
        (times, cells), (others, _) = (after(sol.records[name], 200.0) for name in "EI")
        rates.append([1000.0 / duration * times.size / 3200, 1000.0 / duration * others.size / 800])
        times, cells = times[times < 1000.0], cells[times < 1000.0]
        cv.append(irregularity(times, cells, 3200))
        counts = np.histogram(times, np.arange(200.0, 1000.01, 3.0))[0]
        fano.append(counts.var() / counts.mean())
    found = lambda *args: ledger(model, "NEST 3.10", *args)
    name = f"network of Vogels & Abbott, {kind}"
    for cell, ours, theirs, spread in zip("EI", np.mean(rates, 0), (excitatory, inhibitory), spreads, strict=True):
        error = abs(ours - np.mean(theirs)) / (spread * np.sqrt(800.0 / duration / seeds + 1 / len(theirs)))
        found(f"{name}: rate of {cell}, standard errors", error, 3.0)
    found(f"{name}: irregularity, relative", abs(np.mean(cv) / np.mean(cvs) - 1.0), 0.08)
    found(f"{name}: Fano factor in 3 ms", abs(np.mean(fano) - np.mean(fanos)), 1.2)
