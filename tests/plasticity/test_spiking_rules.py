"""Rules of spikes against sums over lists of spikes, all in one run of the pairing protocol."""

import functools

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from plasticity_references import driven, relay, source


RATES, SHIFTS = (1.0, 10.0, 20.0, 40.0, 50.0), (10, -10)  # Hz; ms from an arrival to the target's spike
DT, STEPS, LAG = 1.0, 6000, 2
FULL = {"a2_plus": 5e-10, "a3_plus": 6.2e-3, "a2_minus": 7e-3, "a3_minus": 2.3e-4, "tau_x": 101.0, "tau_y": 125.0}
NEAREST = {"a2_plus": 8.8e-11, "a3_plus": 5.3e-2, "a2_minus": 6.6e-3, "a3_minus": 3.1e-3, "tau_x": 714.0, "tau_y": 40.0}
REWARD = {"a_plus": 0.01, "a_minus": 0.012, "tau_plus": 15.0, "tau_minus": 25.0, "tau_c": 700.0, "tau_d": 150.0}
SCALING = {"rate": 8.0, "beta": 0.01, "gamma": 0.002, "tau": 3000.0}


@functools.cache
def run():
    """Up to 60 pairs (Sjöström et al. 2001) at each rate and shift, on the diagonal of a matrix; elsewhere all mixtures."""
    cells = [(rate, shift) for rate in RATES for shift in SHIFTS]
    pre, post = np.zeros((2, STEPS, len(cells)))
    for k, (rate, shift) in enumerate(cells):
        arrivals = (50 + np.arange(min(60, int(STEPS / 1000 * rate))) * 1000 / rate).astype(int)
        arrivals = arrivals[arrivals + abs(shift) < STEPS]
        pre[arrivals - LAG, k] = post[arrivals + shift, k] = 1
    n = len(cells)
    released = np.where(np.arange(STEPS)[:, None] % 500 == 250, np.linspace(-0.2, 0.4, n), 0.001)
    rules = {
        "triplet": nex.plasticity.TripletSTDP(**FULL, w_min=None),
        "nearest": nex.plasticity.TripletSTDP(**NEAREST, nearest=True, w_min=None),
        "vogels": nex.plasticity.Vogels(0.01, 10.0, 30.0, w_min=None),
        "reward": nex.plasticity.RewardSTDP(**REWARD, w_min=None, w_max=None),
        "scaling": nex.plasticity.SynapticScaling(**SCALING),
    }
    w = np.linspace(0.4, 0.6, n * n).reshape(n, n)
    projections = {
        name: nex.Projection("pre", "post", "syn", nex.connect.Dense(w), delay=LAG * DT, plasticity=rule)
        for name, rule in rules.items()
    }
    _, sol = driven(projections, pre, post, DT, RewardSTDP=nex.Samples(jnp.asarray(released)))
    trains = [np.nonzero(np.roll(pre[:, k], LAG))[0] for k in range(n)], [np.nonzero(post[:, k])[0] for k in range(n)]
    return {name: np.asarray(x) for name, x in sol.state.weights.items()}, w, *trains, released


def each(function, w, pre, post):
    return np.array([[function(w[i, j], pre[i], post[j], j) for j in range(len(post))] for i in range(len(pre))])


def triplet(w, pre, post, _, *, a2_plus, a3_plus, a2_minus, a3_minus, tau_x, tau_y, last):
    def summed(times, step, tau):
        before = times[times < step]
        return np.exp(-(step - (before[-1:] if last else before)) * DT / tau).sum()

    for s in post:
        w = w + summed(pre, s, 16.8) * (a2_plus + a3_plus * summed(post, s, tau_y))
    for s in pre:
        w = w - summed(post, s, 33.7) * (a2_minus + a3_minus * summed(pre, s, tau_x))
    return w


@pytest.mark.parametrize(("name", "parameters", "last"), [("triplet", FULL, False), ("nearest", NEAREST, True)])
def test_triplets(name, parameters, last, x64, ledger):
    found, w, pre, post, _ = run()
    expected = each(functools.partial(triplet, **parameters, last=last), w, pre, post)
    pairing = "nearest" if last else "all-to-all"
    quantity = f"weights, 1 ... 50 Hz, +-10 ms, {pairing}"
    ledger("TripletSTDP", "NumPy, sums over spikes", quantity, np.abs(found[name] - expected).max(), 1e-10)
    # What pairs alone cannot do: potentiation grows with the rate, and above some rate also the reverse order potentiates.
    change = np.diag(found[name] - w).reshape(len(RATES), 2)
    before, after = change[:, 0], change[:, 1]
    assert abs(before[0]) < 0.02 and before[1:3].max() < before[3] < before[4]
    assert np.all(after[:2] < 0) and after[4] > 0.2


def test_vogels(x64, ledger):
    found, w, pre, post, _ = run()

    def closed(w, pre, post, _):
        apart = np.abs(pre[:, None] - post[None, :]) * DT
        return w + 0.01 * (np.where(apart > 0, np.exp(-apart / 30.0), 0.0).sum() - 2 * 0.010 * 30.0 * pre.size)

    ledger(
        "Vogels",
        "NumPy, sum over pairs",
        "weights, 1 ... 50 Hz",
        np.abs(found["vogels"] - each(closed, w, pre, post)).max(),
        1e-10,
    )


def test_vogels_brings_cells_to_its_rate(ledger):
    """Cells that would fire at 20 to 40 Hz come to alpha / (2 tau), but for what inhibition correlates."""
    receptors = {"gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0))}
    cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
    rule = nex.plasticity.Vogels(eta=0.002, rate=8.0, tau=20.0)
    net = nex.Network(
        {"in": nex.Poisson(20.0, 40), "out": nex.Population(cell, 30, receptors)},
        [nex.Projection("in", "out", "gaba", nex.connect.all_to_all(0.0), plasticity=rule)],
    )
    record = {"out": nex.spikes("out")}
    drives = {"out": jnp.linspace(14.0, 24.0, 30)}
    sol = nex.simulate(net, 8000.0, 1.0, inputs=drives, record=record, key=jax.random.key(1))
    spikes = sol.records["out"]
    rates = np.bincount(spikes.indices[spikes.times > 4000], minlength=30) / 4.0
    first = np.bincount(spikes.indices[spikes.times < 200], minlength=30) / 0.2
    assert first.min() > 15 and first.max() > 35
    ledger("Vogels", "fixed point alpha / (2 tau)", "mean rate, relative", abs(rates.mean() / 8.0 - 1), 0.2)
    assert np.ptp(rates) < 1.5


def test_reward(x64, ledger):
    found, w, pre, post, released = run()
    p = REWARD
    steps = np.arange(STEPS)
    fading = lambda tau: np.exp(-steps * DT / tau)
    d = np.apply_along_axis(lambda r: np.convolve(r, fading(p["tau_d"]))[:STEPS], 0, released)
    d *= p["tau_d"] * (1 - np.exp(-DT / p["tau_d"]))
    # A change of eligibility at step s is worth what it leaves until the end, times dopamine.
    left = fading(p["tau_c"])
    worth = np.apply_along_axis(lambda d: np.convolve(d[::-1], left)[:STEPS][::-1] * DT, 0, d)

    def expected(w, pre, post, j):
        gap = (post[None, :] - pre[:, None]) * DT
        up = np.where(gap > 0, p["a_plus"] * np.exp(-np.abs(gap) / p["tau_plus"]), 0.0).sum(0) @ worth[post, j]
        return (
            w + up - np.where(gap < 0, p["a_minus"] * np.exp(-np.abs(gap) / p["tau_minus"]), 0.0).sum(1) @ worth[pre, j]
        )

    meant = each(expected, w, pre, post)
    assert np.abs(meant - w).max() > 0.1
    ledger(
        "RewardSTDP",
        "NumPy, convolution of pairs, eligibility and dopamine",
        "weights",
        np.abs(found["reward"] - meant).max(),
        1e-10,
        "dw = c d dt at the end of each step",
    )


def test_dopamine_of_a_population(x64):
    """The same weights as with the spikes of the population given as an input by hand."""
    rng = np.random.default_rng(5)
    pre, post, dopamine = ((rng.random((400, n)) < 0.05).astype(float) for n in (4, 3, 5))
    w, released = np.full((4, 3), 0.5), 0.3
    stimulus = 0.01 * np.arange(400.0)[:, None] / 400.0

    def learned(rule, **inputs):
        populations = {"pre": source(pre, DT), "post": relay(3), "dopamine": source(dopamine, DT)}
        to = nex.Projection("pre", "post", "syn", nex.connect.Dense(w), plasticity=rule)
        drives = {"post": nex.Samples(jnp.asarray(post * 1e9)), **inputs}
        return np.asarray(
            nex.simulate(nex.Network(populations, [to]), 400 * DT, DT, drives).state.weights["pre->post:syn"]
        )

    spikes = dopamine.sum(1, keepdims=True) * released / DT
    rule = functools.partial(nex.plasticity.RewardSTDP, **REWARD, w_min=None, w_max=None)
    by_spikes = learned(rule(per_spike=released, modulator="dopamine"), RewardSTDP=nex.Samples(jnp.asarray(stimulus)))
    by_hand = learned(rule(), RewardSTDP=nex.Samples(jnp.asarray(spikes + stimulus)))
    assert np.abs(by_hand - w).max() > 1e-3
    np.testing.assert_allclose(by_spikes, by_hand, rtol=1e-12)
    with pytest.raises(ValueError, match=r"'RewardSTDP' is modulated by a population 'VTA'; there are \['dop"):
        learned(rule(modulator="VTA"))


def test_scaling(x64, ledger):
    found, w, _, post, _ = run()
    p, steps = SCALING, np.arange(1, STEPS + 1)
    factors = []
    for spikes in post:
        since = steps[:, None] - 1 - spikes[None, :]
        mean = p["rate"] * np.exp(-steps * DT / p["tau"])
        mean = mean + np.where(since >= 0, 1000.0 / p["tau"] * np.exp(-since * DT / p["tau"]), 0.0).sum(1)
        lacking = p["rate"] - mean
        factors.append(np.prod(1 + DT / 1000 * (p["beta"] * lacking + p["gamma"] * np.cumsum(lacking) * DT / 1000)))
    error = np.abs(found["scaling"] / (w * np.array(factors)) - 1).max()
    assert max(factors) > 1.1 and min(factors) < 0.8
    ledger("SynapticScaling", "NumPy, sums over spikes", "weights, relative", error, 1e-10, "Euler")
