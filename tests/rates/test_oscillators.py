"""Oscillators against closed forms: amplitudes, frequencies, periods, the onset of synchrony."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import cauchy


def upward(x, dt):
    """Times at which each series passes zero upwards, by linear interpolation."""
    found = []
    for series in np.asarray(x).T:
        k = np.flatnonzero((series[:-1] < 0.0) & (series[1:] >= 0.0))
        found.append(dt * (k + 1 + series[k] / (series[k] - series[k + 1])))
    return found


def test_stuart_landau(x64, ledger):
    """On the circle of radius sqrt(a) at the frequency omega; below the bifurcation it falls with the rate a."""
    a, omega, dt = np.array([0.25, 0.09, -0.02]), np.array([0.2, 0.5, 0.3]), 0.1
    cells = nex.Population(nex.rates.StuartLandau(a, omega), 3)
    end = nex.state(lambda s: jnp.stack([s.cell.x, s.cell.y]))
    x, y = np.moveaxis(np.asarray(nex.simulate(cells, 400.0, dt, record={"xy": end}).records["xy"].values), 1, 0)
    radius = np.hypot(x, y)
    ledger("StuartLandau", "closed form", "amplitude sqrt(a)", np.abs(radius[-1, :2] - np.sqrt(a[:2])).max(), 1e-7)
    # In polar coordinates both equations are solved: r'= a r - r^3, phi' = omega.
    t = dt * np.arange(1, len(x) + 1)[:, None]
    grown = np.exp(2.0 * a * t)
    exact = 0.1 * np.sqrt(a * grown / (a + 0.01 * (grown - 1.0)))
    angle = np.abs(np.angle(np.exp(1j * (np.arctan2(y, x) - omega * t))))
    ledger("StuartLandau", "closed form", "radius from the start on, below and above a = 0",
           np.abs(radius - exact).max(), 1e-7)  # fmt: skip
    ledger("StuartLandau", "closed form", "phase omega t over 400 ms, rad", angle.max(), 2e-4)


def test_van_der_pol(x64, ledger):
    """Periods: 2 pi (1 + mu^2/16 - 5 mu^4/3072) for small mu; Dorodnitsyn's expansion for large; SciPy in between."""
    mu, dt = np.array([0.1, 0.3, 2.0, 30.0]), 0.005
    cells = nex.Population(nex.rates.VanDerPol(mu), 4)
    x = nex.simulate(cells, 140.0, dt, record={"x": nex.voltage()}).records["x"].values
    found = [np.diff(times)[-1] for times in upward(x, dt)]
    small = 2.0 * np.pi * (1.0 + mu[:2] ** 2 / 16.0 - 5.0 * mu[:2] ** 4 / 3072.0)
    m = mu[3]
    large = (3 - 2 * np.log(2)) * m + 7.0143 * m ** (-1 / 3) - (2 / 3) * np.log(m) / m - 1.3233 / m
    ledger("VanDerPol", "perturbation series", "period at mu = 0.1 and 0.3, relative",
           np.abs(found[:2] / small - 1.0).max(), 2e-5)  # fmt: skip
    ledger(
        "VanDerPol", "asymptotic series (Dorodnitsyn)", "period at mu = 30, relative", abs(found[3] / large - 1), 1e-3
    )

    def field(t, y):
        return [y[1], 2.0 * (1.0 - y[0] ** 2) * y[1] - y[0]]

    zero = lambda t, y: y[0]
    zero.direction = 1.0
    # At the start dx/dt = mu (2 - 8/3).
    sol = solve_ivp(field, (0, 140), [2.0, 2.0 * (2.0 - 8.0 / 3.0)], "DOP853", rtol=1e-11, atol=1e-12, events=zero)
    ours = upward(x[:, 2:3], dt)[0]
    error = np.abs(ours - sol.t_events[0]).max()
    ledger("VanDerPol", "SciPy DOP853", "every zero over 140 ms at mu = 2, ms", error, 2e-5)


def test_kuramoto(x64, ledger):
    """Lorentzian frequencies of half width gamma: r = sqrt(1 - K_c / K) above K_c = 2 gamma, in a network of all to all.

    All oscillators of quantile frequencies; what is left is the finite number of them.
    """
    n, gamma, dt = 160, 0.05, 0.5
    omega = 0.3 + cauchy(scale=gamma).ppf((np.arange(n) + 0.5) / n)
    start = np.random.default_rng(0).uniform(-np.pi, np.pi, n)

    @jax.jit
    def run(k):
        cell, receptor = nex.rates.Kuramoto(omega), {"in": nex.Receptor(nex.Instant(), nex.CUBA())}
        populations = {"x": nex.Population(cell, n, receptor, v0=start)}
        comm = nex.connect.Dense(jnp.broadcast_to(k / n, (n, n)))
        net = nex.Network(populations, [nex.Projection("x", "x", "in", comm, coupling=nex.rates.Sine())])
        theta = nex.simulate(net, 400.0, dt, record={"x": nex.voltage("x")}).records["x"].values
        return nex.measure.order_parameter(theta)

    strong = [0.2, 0.4]
    r = {k: np.asarray(run(k))[400:].mean() for k in (0.05, *strong)}
    error = max(abs(r[k] - np.sqrt(1.0 - 2.0 * gamma / k)) for k in strong)
    ledger("Kuramoto", "theory of Kuramoto (1975)", "order parameter at K = 2 and 4 K_c, 160 oscillators", error, 0.02)
    assert r[0.05] < 0.2  # below K_c there is none, but for chance, 1 / sqrt(n)


def test_theta_is_the_quadratic_neuron(x64, ledger):
    """V = tan(theta / 2): below threshold the same voltage, above it the period pi tau / sqrt(eta + I)."""
    dt, current = 0.01, np.array([0.5, 1.5, 2.0, 5.0])
    cells = nex.Population(nex.rates.Theta(tau=2.0, eta=-1.0), 4)
    record = {"s": nex.spikes(), "theta": nex.voltage()}
    sol = nex.simulate(cells, 40.0, dt, current, record=record)
    # V' = (V^2 - 0.5) / 2 from V = -1.
    t, root = dt * np.arange(1, 4001), np.sqrt(0.5)
    exact = -root / np.tanh(root * t / 2.0 + np.arctanh(root))
    error = np.abs(np.tan(np.asarray(sol.records["theta"].values)[:, 0] / 2.0) - exact).max()
    ledger("Theta", "closed form of the quadratic neuron", "V = tan(theta / 2) below threshold", error, 1e-9)
    trains = sol.records["s"].trains()
    assert len(trains[0]) == 0
    periods = np.array([(train[-1] - train[0]) / (len(train) - 1) for train in trains[1:]])
    error = np.abs(periods - np.pi * 2.0 / np.sqrt(current[1:] - 1.0)).max()
    ledger("Theta", "closed form of the quadratic neuron", "period above threshold, ms", error, dt)
    # First spike, from V = -1 to infinity.
    first = [2.0 / np.sqrt(g) * (np.pi / 2 + np.arctan(1.0 / np.sqrt(g))) for g in current[1:] - 1.0]
    np.testing.assert_allclose([train[0] for train in trains[1:]], first, atol=1.01 * dt)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nex.rates.VanDerPol(mu=0.0), "`mu` must be positive, got 0"),
        (lambda: nex.rates.Theta(tau=-1.0), "`tau` must be positive, got -1"),
        (lambda: nex.rates.ThresholdLinear(tau=0.0), "`tau` must be positive"),
        (lambda: nex.rates.WilsonCowan(tau_i=0.0), "`tau_i` must be positive"),
        (lambda: nex.rates.JansenRit(b=0.0), "`b` must be positive"),
        (lambda: nex.rates.MontbrioPazoRoxin(delta=-1.0), "`delta` must not be negative"),
        (lambda: nex.rates.WongWang(tau_s=0.0), "`tau_s` must be positive"),
        (lambda: nex.rates.ReducedWongWang(d=0.0), "`d` must be positive"),
        (lambda: nex.rates.Balloon(alpha=1.5), "`alpha` must be above 0 and at most 1"),
    ],
)
def test_wrong_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
