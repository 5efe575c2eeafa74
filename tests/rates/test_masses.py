"""Models of masses of neurons against published numbers, SciPy, closed forms and the neurons that they stand for."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, fsolve
from scipy.stats import cauchy
from thorough import all_but


# Accuracy and mean reaction time, ms, of 2,000 trials at these coherences; the standard deviation of the times.
COHERENCE = np.array([0.0, 3.2, 6.4, 12.8, 25.6])
ACCURACY = np.array([0.510, 0.709, 0.840, 0.980, 1.000])
REACTION = np.array([422.0, 411.0, 389.0, 332.0, 251.0])
SPREAD = np.array([101.0, 101.0, 97.0, 79.0, 51.0])


def first_beyond(state):
    """1 where the first population is above 15 Hz and ahead, -1 where the second is, 0 where none is."""
    r1, r2 = nex.rates.WongWang().rates(state.cell, jnp.asarray(EVIDENCE))
    return jnp.where(jnp.maximum(r1, r2) > 0.015, jnp.sign(r1 - r2), 0.0)


EVIDENCE = (5.2e-4 * 30.0 * COHERENCE / 100.0).astype(np.float32)[:, None]


@pytest.mark.parametrize("n", all_but([500, 2000], [500]))
def test_wong_wang_decides(n, ledger):
    """Which population reaches 15 Hz first, and when, at dt = 0.5 ms, in standard errors of both samples of `n` trials."""
    dt = 0.5
    trials = nex.Population(nex.rates.WongWang(), (5, n))
    record = {"x": nex.state(first_beyond)}
    x = np.asarray(nex.simulate(trials, 1000.0, dt, EVIDENCE, record=record, key=jr.key(0)).records["x"].values)
    decided, when = (x != 0).any(0), (x != 0).argmax(0)
    side = np.take_along_axis(x, when[None], 0)[0] > 0
    assert decided.mean(1).min() > 0.99
    accuracy = np.array([side[k][decided[k]].mean() for k in range(5)])
    times = [dt * (when[k][decided[k]] + 1) for k in range(5)]
    spread = np.sqrt(np.maximum(ACCURACY * (1 - ACCURACY), 1e-3) * (1 / n + 1 / 2000))
    ledger("WongWang", "published simulation of 2,000 trials", "accuracy at five coherences, in standard errors",
           np.abs((accuracy - ACCURACY) / spread).max(), 3.5)  # fmt: skip
    error = [abs(x.mean() - y) / np.hypot(s / np.sqrt(2000), x.std() / np.sqrt(len(x)))
             for x, y, s in zip(times, REACTION, SPREAD, strict=True)]  # fmt: skip
    ledger(
        "WongWang", "published simulation of 2,000 trials", "mean reaction time, in standard errors", max(error), 3.5
    )
    ratio = np.array([x.std() for x in times]) / SPREAD
    ledger("WongWang", "published simulation of 2,000 trials", "standard deviation of reaction times, relative",
           np.abs(ratio - 1.0).max(), 0.15)  # fmt: skip


def jansen_rit(t, y, current=0.0):
    e, i, a, b, c = 3.25, 22.0, 100.0, 50.0, 135.0
    s = lambda v: 5.0 / (1.0 + np.exp(0.56 * (6.0 - v)))
    return 1e-3 * np.array([
        y[3], y[4], y[5],
        e * a * s(y[1] - y[2]) - 2 * a * y[3] - a * a * y[0],
        e * a * (220.0 + 1000.0 * current + 0.8 * c * s(c * y[0])) - 2 * a * y[4] - a * a * y[1],
        i * b * 0.25 * c * s(0.25 * c * y[0]) - 2 * b * y[5] - b * b * y[2],
    ])  # fmt: skip


def test_jansen_rit(x64, ledger):
    """With time in seconds in SciPy, and the alpha rhythm, with noise of the published range."""
    noise = nex.steppers.Amplitudes(y4=3.25 * 0.1 * 0.02)
    dt = 0.5
    quiet, noisy = nex.rates.JansenRit(), nex.rates.JansenRit(stepper=nex.EulerMaruyama(noise, nex.RK4()))
    record = {"v": nex.voltage(), "r": nex.output()}
    sol = nex.simulate(nex.Population(quiet, 2), 500.0, dt, jnp.array([0.0, 0.03]), record=record)
    v, r = (np.asarray(sol.records[name].values) for name in "vr")
    truth = np.stack([solve_ivp(jansen_rit, (0, 500), np.zeros(6), "DOP853", rtol=1e-10, atol=1e-12, args=(x,),
                                t_eval=dt * np.arange(1, 1001)).y for x in (0.0, 0.03)], axis=2)  # fmt: skip
    exact = truth[1] - truth[2]
    ledger("JansenRit", "SciPy DOP853", "potential over 500 ms with RK4 at 0.5 ms, mV", np.abs(v - exact).max(), 1e-3)
    assert np.ptp(exact[500:]) > 1.0
    np.testing.assert_allclose(r, 0.005 / (1.0 + np.exp(0.56 * (6.0 - v))), rtol=1e-12)
    eeg = nex.simulate(nex.Population(noisy, 16), 4000.0, dt, record={"x": nex.voltage()}, key=jr.key(0))
    x = np.asarray(eeg.records["x"].values)[2000:]
    power = (np.abs(np.fft.rfft(x - x.mean(0), axis=0)) ** 2).mean(1)
    peak = np.fft.rfftfreq(len(x), dt * 1e-3)[power.argmax()]
    ledger("JansenRit", "Jansen & Rit (1995)", "peak of the spectrum with noise, from 10 Hz, Hz", abs(peak - 10.0), 1.5)
    # Only y4 is noisy.
    y = noisy.init((2000,))
    after, _ = noisy.step(y, 0.0, dt=dt, key=jr.key(1))
    still, _ = quiet.step(y, 0.0, dt=dt)
    moved = [np.asarray(a - b).std() for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(still), strict=True)]
    np.testing.assert_array_equal(np.array(moved) > 0.0, [False] * 4 + [True, False])
    np.testing.assert_allclose(moved[4], 0.0065 * dt**0.5, rtol=0.06)


def test_mean_field_of_quadratic_neurons(ledger):
    """A step of current into 10,000 quadratic neurons of Lorentzian excitability with exponential synapses, and into a mass
    with the same ones; steady rates."""
    n, tau, eta, j, dt, tau_s = 10_000, 10.0, -5.0, 15.0, 0.02, 1.0
    spread = cauchy(loc=eta).ppf((np.arange(n) + 0.5) / n)
    # From -peak to peak; the time from there to infinity and back, 2 tau / peak, it is refractory.
    peak = 100.0
    cell = nex.QIF(tau=tau, c=1.0, v_rest=0.0, v_c=0.0, v_reset=-peak, v_peak=peak)
    receptor = {"in": nex.Receptor(nex.Expon(tau_s), nex.CUBA())}
    neurons = nex.Population(nex.Refractory(cell, 2.0 * tau / peak), n, receptor, v0=-2.0, i0=spread)
    spikes = nex.Projection("x", "x", "in", nex.connect.all_to_all(j * tau / (n * tau_s)))
    mass = nex.Population(nex.rates.MontbrioPazoRoxin(tau, eta, 1.0, 0.0), 1, receptor)
    rate = nex.Projection("x", "x", "in", nex.connect.all_to_all(j * tau / tau_s * dt))  # a rate for the time of a step
    current = {"x": nex.StepCurrent(3.0, 100.0, 1e6)}
    net = nex.Network({"x": neurons}, [spikes])
    found = nex.simulate(net, 300.0, dt, current, record={"r": nex.rate("x", every=100)}).records["r"].values
    found = np.asarray(found) / 1000.0  # over 2 ms
    net = nex.Network({"x": mass}, [rate])
    exact = nex.simulate(net, 300.0, dt, current, record={"r": nex.output("x")}).records["r"].values
    exact = np.asarray(exact).reshape(-1, 100).mean(1)
    assert exact.max() > 1.2 * exact[-1] > 5.0 * exact[49]  # a transient, and another state
    error = np.sqrt(np.mean((found - exact)[10:] ** 2)) / exact.max()
    ledger("MontbrioPazoRoxin", "10,000 neurons `QIF`", "rate around a step of current, root mean square, of its maximum",
           error, 0.03)  # fmt: skip
    error = abs(found.max() / exact.max() - 1.0)
    ledger("MontbrioPazoRoxin", "10,000 neurons `QIF`", "height of the transient, relative", error, 0.05)

    def fixed(y):
        r, v = y
        return [1.0 / (np.pi * tau) + 2 * r * v, v * v + eta + j * tau * r - (np.pi * tau * r) ** 2 + 3.0]

    r, _ = fsolve(fixed, [exact[-1], -0.1], xtol=1e-12)
    ledger(
        "MontbrioPazoRoxin", "SciPy, root of the right-hand side", "steady rate, relative", abs(exact[-1] / r - 1), 1e-4
    )
    ledger("MontbrioPazoRoxin", "10,000 neurons `QIF`", "steady rate, relative", abs(found[-40:].mean() / r - 1), 0.02)


def wilson_cowan_at(p):
    """The fixed point and the eigenvalues of the Jacobian in closed form, for tau = 10 ms."""
    s = lambda x: 1.0 / (1.0 + np.exp(-x))
    f = lambda u, a, th: s(a * (u - th)) - s(-a * th)
    slope = lambda u, a, th: a * s(a * (u - th)) * (1.0 - s(a * (u - th)))
    u = lambda e, i: 16.0 * e - 12.0 * i + p
    w = lambda e, i: 15.0 * e - 3.0 * i
    field = lambda y: [-y[0] + (1 - y[0]) * f(u(*y), 1.3, 4.0), -y[1] + (1 - y[1]) * f(w(*y), 2.0, 3.7)]
    e, i = fsolve(field, [0.25, 0.2], xtol=1e-13)
    assert np.abs(field([e, i])).max() < 1e-11
    fe, fi, de, di = f(u(e, i), 1.3, 4.0), f(w(e, i), 2.0, 3.7), slope(u(e, i), 1.3, 4.0), slope(w(e, i), 2.0, 3.7)
    jacobian = np.array([
        [-1 - fe + (1 - e) * de * 16.0, -(1 - e) * de * 12.0],
        [(1 - i) * di * 15.0, -1 - fi - (1 - i) * di * 3.0],
    ]) / 10.0  # fmt: skip
    return (e, i), np.linalg.eigvals(jacobian)


def test_wilson_cowan_hopf(x64, ledger):
    """The input at which the real part passes zero, and on both sides what the model does."""
    p = brentq(lambda p: wilson_cowan_at(p)[1].real.max(), 1.7, 2.2, xtol=1e-12)
    point, eigenvalues = wilson_cowan_at(p)
    assert np.abs(eigenvalues.imag).min() > 0.01
    cell = nex.rates.WilsonCowan(tau_e=10.0, tau_i=10.0, p=p)
    state = jax.tree.unflatten(jax.tree.structure(cell.init(())), [jnp.asarray(x) for x in point])
    jac = jax.jacfwd(lambda y: cell.vector_field(0.0, y, lambda v: jnp.zeros_like(v)))(state)
    ours = np.linalg.eigvals([[jac.e.e, jac.e.i], [jac.i.e, jac.i.i]])
    error = np.abs(np.sort_complex(ours) - np.sort_complex(eigenvalues)).max()
    ledger("WilsonCowan", "Jacobian in closed form", "eigenvalues at the Hopf point, 1/ms", error, 1e-10)

    sides = p + np.array([0.1, -0.1])
    both = nex.rates.WilsonCowan(tau_e=10.0, tau_i=10.0, p=sides)
    ends = np.array([wilson_cowan_at(x)[0] for x in sides])
    start = type(state)(jnp.asarray(ends[:, 0] + 0.002), jnp.asarray(ends[:, 1]))
    sol = nex.simulate(nex.Population(both, 2, y0=start), 600.0, 0.5, record={"e": nex.output()})
    z = np.asarray(sol.records["e"].values) - ends[:, 0]
    early, late = np.abs(z[:100]).max(0), np.abs(z[-100:]).max(0)
    assert late[0] < 0.6 * early[0] and late[1] > 1.7 * early[1]
    # On the stable side the ringing has the frequency and the decay of the eigenvalue there.
    value, z = wilson_cowan_at(sides[0])[1][0], z[400:, 0]
    k = np.flatnonzero((z[:-1] < 0.0) & (z[1:] >= 0.0))
    period = 0.5 * np.diff(k + z[k] / (z[k] - z[k + 1])).mean()
    peaks = np.flatnonzero((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])) + 1
    decay = np.log(z[peaks[-1]] / z[peaks[0]]) / (0.5 * (peaks[-1] - peaks[0]))
    ledger("WilsonCowan", "Jacobian in closed form", "frequency of ringing beside the Hopf point, relative",
           abs(2 * np.pi / period / abs(value.imag) - 1), 0.01)  # fmt: skip
    ledger("WilsonCowan", "Jacobian in closed form", "decay of ringing, relative", abs(decay / value.real - 1), 0.03)


def test_rest_of_reduced_wong_wang_and_threshold_linear(x64, ledger):
    """Bistability of an area: the stable roots that SciPy finds; and a leak behind a threshold."""
    h = lambda x: (270 * x - 108) / (1 - np.exp(-0.154 * (270 * x - 108)))
    field = lambda s, w: -s / 0.1 + (1 - s) * 0.641 * h(w * 0.2609 * s + 0.2609 * 0.02 + 0.31)
    low, high = brentq(field, 0.0, 0.2, args=(1.1,)), brentq(field, 0.5, 0.9, args=(1.1,))
    cells = nex.Population(nex.rates.ReducedWongWang(w=1.1, i0=0.31, g=2.0), 2, v0=[0.02, 0.9])
    s = nex.simulate(cells, 5000.0, 5.0, 0.01).state.cell
    error = np.abs(np.asarray(s) - [low, high]).max()
    ledger("ReducedWongWang", "SciPy, roots of the right-hand side", "two stable states", error, 1e-8)
    cells = nex.Population(nex.rates.ThresholdLinear(tau=20.0, beta=0.5, theta=3.0), 3)
    r = nex.simulate(cells, 30.0, 0.5, jnp.array([2.0, 5.0, 9.0])).state.cell
    error = np.abs(np.asarray(r) - 0.5 * np.array([0.0, 2.0, 6.0]) * (1.0 - np.exp(-1.5))).max()
    ledger("ThresholdLinear", "closed form", "rate after 30 ms of constant input", error, 1e-12)


def test_noise_of_several_variables(x64, ledger):
    """Each with its own amplitude: the covariance of a linear oscillator, as Lyapunov's equation has it, with each stepper."""
    from scipy.linalg import solve_continuous_lyapunov

    a, omega, sx, sy = -0.2, 0.1, 0.001, 0.003
    truth = solve_continuous_lyapunov(np.array([[a, -omega], [omega, a]]), -np.diag([sx**2, sy**2]))
    amplitudes = nex.steppers.Amplitudes(x=sx, y=sy)
    for stepper in (nex.EulerMaruyama(amplitudes, nex.RK4()), nex.StochasticHeun(amplitudes), nex.Milstein(amplitudes)):
        cells = nex.Population(nex.rates.StuartLandau(a, omega, stepper), 2000)
        end = nex.simulate(cells, 40.0, 0.1, key=jr.key(0)).state.cell
        found = np.cov(np.asarray(end.x), np.asarray(end.y))
        error = np.abs(found - truth) / np.sqrt((np.outer(np.diag(truth), np.diag(truth)) + truth**2) / 2000)
        ledger(type(stepper).__name__, "Lyapunov's equation",
               "covariance of an oscillator with noise in both variables, in standard errors", error.max(), 4.0)  # fmt: skip


def test_noise_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="state PlaneState has no variable 'z'; it has \\['x', 'y'\\]"):
        nex.rates.StuartLandau(stepper=nex.EulerMaruyama(nex.steppers.Amplitudes(z=1.0))).step(
            nex.rates.StuartLandau().init((2,)), 0.0, dt=0.1, key=jr.key(0)
        )
    with pytest.raises(ValueError, match="`x` must be finite and not negative, got -1"):
        nex.steppers.Amplitudes(x=-1.0)
    with pytest.raises(TypeError, match="The voltage of JansenRitState is not one of its variables"):
        nex.Population(nex.rates.JansenRit(), 2, v0=1.0).init(dt=0.1)
