"""NEST's neurons step by step in NumPy and SciPy, and the same stimuli in the package.

A stimulus is a dictionary: `ex` and `in` map the number of a step to the weight that arrives at its end, and `dc` is the
current of each step. Steps count from 1; a spike of step n has the time n dt.
"""

import inspect

import neuroeqx as nex
import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm


DT, DELAY = 0.1, 0.5


def stimulus(steps, w_ex, w_in, dc, seed=0, n=40):
    """`n` arrivals of each kind, several within a refractory period; a current in the middle half."""
    rng = np.random.default_rng(seed)
    draw = lambda w: {int(k): float(w) for k in np.sort(rng.choice(np.arange(10, steps), n, replace=False))}
    current = np.where((np.arange(1, steps + 1) > steps // 4) & (np.arange(1, steps + 1) <= 3 * steps // 4), dc, 0.0)
    return {"ex": draw(w_ex), "in": draw(w_in), "dc": current}


def simulated(cases, dt, steps):
    """Of each case, (model, parameters, stimulus), the voltage every 0.1 ms and the times of its spikes.

    All are cells of one network, those of one model in a population that has its parameters as arrays.
    """
    groups, arrivals = {}, []
    for name, (model, given, _) in cases.items():
        p = {
            k: x.default
            for k, x in inspect.signature(getattr(nex.nest, model)).parameters.items()
            if k not in _NOT_ARRAYS
        }
        p |= given
        kind = model, p.get("t_ref") == 0.0, p.pop("consistent_integration", None)
        groups.setdefault(kind, {})[name] = p
    populations, projections, drives, record = {}, [], {}, {}
    for (model, is_instant, option), members in groups.items():
        group = f"{model} {is_instant} {option}"
        options = {} if option is None else {"consistent_integration": option}
        arrays = {k: np.array([p[k] for p in members.values()], float) for k in next(iter(members.values()))}
        populations[group] = getattr(nex.nest, model)(len(members), **arrays, **options)
        stimuli = [cases[name][2] for name in members]
        for receptor in ("ex", "in"):
            cells = [i for i, stim in enumerate(stimuli) if stim[receptor]]
            if cells:
                # One arrival's weight is that of the synapse: all of a cell are equal.
                weights = [next(iter(stimuli[i][receptor].values())) for i in cells]
                sources = len(arrivals) + np.arange(len(cells))
                arrivals += [sorted(stimuli[i][receptor]) for i in cells]
                comm = sources, cells, weights
                projections.append((group, receptor, comm))
        drive = np.zeros((steps, len(members)))
        for i, stim in enumerate(stimuli):
            drive[: len(stim["dc"]), i] = stim["dc"]
        drives[group] = nex.Samples(drive)
        record |= {f"{group} v": nex.voltage(group, every=round(0.1 / dt)), f"{group} s": nex.spikes(group)}
    times = np.concatenate(arrivals) * dt - DELAY
    source = nex.nest.spike_generator(
        times, np.repeat(np.arange(len(arrivals)), list(map(len, arrivals))), len(arrivals)
    )
    net = nex.Network(
        {"g": source, **populations},
        [
            nex.Projection("g", group, receptor, nex.connect.from_edges(pre, np.array(post), np.array(w)), delay=DELAY)
            for group, receptor, (pre, post, w) in projections
        ],
    )
    found = nex.simulate(net, steps * dt, dt, drives, record=record).records
    results = {}
    for (model, is_instant, option), members in groups.items():
        group = f"{model} {is_instant} {option}"
        trains = found[f"{group} s"].trains()
        results |= {name: (found[f"{group} v"].values[:, i], trains[i]) for i, name in enumerate(members)}
    return results


_NOT_ARRAYS = ("shape", "others")


def linear_neuron(p, stim, alpha=False, delta=False):
    """The `iaf_psc_*` family by the propagator of the whole linear system (Rotter & Diesmann 1999).

    The variables are two for each of the currents (the second is the current), the voltage relative to E_L, and 1.
    """
    a = np.zeros((6, 6))
    for i, tau in ((0, p.get("tau_syn_ex", 1.0)), (2, p.get("tau_syn_in", 1.0))):
        a[i, i] = a[i + 1, i + 1] = -1.0 / tau
        a[i + 1, i] = np.e / tau if alpha else 0.0
        a[4, i + 1] = 1.0 / p["C_m"]
    a[4, 4] = -1.0 / p["tau_m"]
    enters = (0, 2) if alpha else (1, 3)
    y = np.array([0.0, 0.0, 0.0, 0.0, p["V_m"] - p["E_L"], 1.0])
    left, voltages, spikes, lost = 0, [], [], 0
    propagators = {}
    for k, dc in enumerate(stim["dc"], 1):
        if dc not in propagators:
            a[4, 5] = (p["I_e"] + dc) / p["C_m"]
            propagators[dc] = expm(a * DT)
        old, y = y, propagators[dc] @ y
        arriving = [stim["ex"].get(k, 0.0), stim["in"].get(k, 0.0)]
        if left > 0:
            y[4] = old[4]
            left -= 1
            lost += any(arriving)
        elif delta:
            y[4] += sum(arriving)
        if not delta:
            y[list(enters)] += arriving
        if y[4] >= p["V_th"] - p["E_L"]:
            y[4] = p["V_reset"] - p["E_L"]
            left = round(p["t_ref"] / DT)
            spikes.append(k)
        voltages.append(y[4] + p["E_L"])
    assert lost > 2, "arrivals in the refractory period are part of the stimulus"
    return np.array(voltages), np.array(spikes)


def integrated_neuron(field, y, stim, enters, spike, tight=1e-8):
    """Models that NEST integrates: `field(y, current, held)` from step to step, then arrivals at the variables `enters`, each
    times its factor; `spike(before, after, held)` says whether the step ends with a spike, and changes `after`.

    Returns the voltages, the steps with spikes, and in how many steps something arrived while the neuron was held.
    """
    y, left, voltages, spikes, lost = np.array(y, float), 0, [], [], 0
    for k, dc in enumerate(stim["dc"], 1):
        before = y.copy()
        held = left > 0
        found = solve_ivp(lambda t, y, dc=dc: field(y, dc), (0.0, DT), y, "DOP853", rtol=tight, atol=tight)
        y = found.y[:, -1].copy()
        period = spike(before, y, held)
        if held:
            left -= 1
        elif period is not None:
            left = round(period / DT)
            spikes.append(k)
        for name, (i, factor) in enters.items():
            y[i] += factor * stim[name].get(k, 0.0)
            lost += held and k in stim[name]
        voltages.append(y[0])
    return np.array(voltages), np.array(spikes), lost


def upstroke_neuron(field, y, stim, enters, p, tight=1e-8):
    """The `aeif_*` family: spikes within a step, found as events. `field(y, current, held)`; the last variable is w."""
    peak = lambda t, y: y[0] - p["V_peak"]
    peak.terminal, peak.direction = True, 1
    y, left, voltages, spikes, lost = np.array(y, float), 0, [], [], 0
    for k, dc in enumerate(stim["dc"], 1):
        t, held = 0.0, left > 0
        fired = False
        while t < DT:
            stands = held or (fired and p["t_ref"] > 0.0)
            rates = lambda t, y, dc=dc, stands=stands: field(y, dc, stands)
            found = solve_ivp(rates, (t, DT), y, "DOP853", None, False, peak, rtol=tight, atol=tight, first_step=1e-3)
            t, y = found.t[-1], found.y[:, -1].copy()
            if found.status == 1:
                y[0], fired = p["V_reset"], True
                y[-1] += p["b"]
        left = round(p["t_ref"] / DT) if fired else max(left - 1, 0)
        if fired:
            spikes.append(k)
        for name, (i, factor) in enters.items():
            y[i] += factor * stim[name].get(k, 0.0)
            lost += held and k in stim[name]
        voltages.append(y[0])
    return np.array(voltages), np.array(spikes), lost


def away(spikes, steps, before=5, after=5):
    """Which steps are further than this from any spike."""
    far = np.ones(steps, bool)
    for k in spikes:
        far[max(0, k - 1 - before) : k + after] = False
    return far


# Runge-Kutta-Fehlberg with the step control of the GNU Scientific Library (standard control, absolute tolerance only), with
# which NEST integrates its Hodgkin-Huxley models.
_A = [
    [],
    [1 / 4],
    [3 / 32, 9 / 32],
    [1932 / 2197, -7200 / 2197, 7296 / 2197],
    [439 / 216, -8, 3680 / 513, -845 / 4104],
    [-8 / 27, 2, -3544 / 2565, 1859 / 4104, -11 / 40],
]
_B = np.array([16 / 135, 0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55])
_ERROR = np.array([1 / 360, 0, -128 / 4275, -2197 / 75240, 1 / 50, 2 / 55])


def as_gsl(field, y, dt, h, tolerance=1e-3):
    """The end of a step of `dt` from y, and the size of the next step within, when the last one suggested h."""
    t = 0.0
    while t < dt:
        step, last = (dt - t, True) if h > dt - t else (h, False)
        while True:
            k = []
            for row in _A:
                k.append(field(y + step * sum((a * x for a, x in zip(row, k, strict=True)), np.zeros_like(y))))
            worst = np.abs(step * (_ERROR @ np.array(k))).max() / tolerance
            if worst <= 1.1:
                break
            step, last = step * max(0.2, 0.9 / worst ** (1 / 5)), False
        y, t = y + step * (_B @ np.array(k)), dt if last else t + step
        h = step * min(5.0, max(1.0, 0.9 / worst ** (1 / 6))) if worst < 0.5 else step
    return y, h
