"""What instruments see, against SciPy and NumPy."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.signal import hilbert


def balloon(t, y, drive):
    s, f, v, q = y
    kappa, gamma, tau, alpha, rho = 0.65, 0.41, 0.98, 0.32, 0.34
    return [
        drive(t) - kappa * s - gamma * (f - 1.0),
        s,
        (f - v ** (1 / alpha)) / tau,
        (f * (1 - (1 - rho) ** (1 / f)) / rho - q * v ** (1 / alpha - 1)) / tau,
    ]


def test_bold(x64, ledger):
    """The answer to a second of activity, and to a lasting one, with time in seconds in SciPy; and where it settles."""
    dt, tr = 20.0, 500.0
    t = dt * np.arange(1500)
    activity = np.stack([(t < 1000.0).astype(float), np.full(1500, 0.3)], axis=1)

    def truth(drive, until=30.0, breaks=(1.0,)):
        found, y, start = [], [0.0, 1.0, 1.0, 1.0], 0.0
        times = tr / 1000.0 * np.arange(1, 61)
        for end in (*breaks, until):
            inside = times[(times > start + 1e-9) & (times <= end + 1e-9)]
            sol = solve_ivp(
                balloon, (start, end), y, "DOP853", rtol=1e-11, atol=1e-13, args=(drive,), dense_output=True
            )
            found.append(sol.sol(inside))
            y, start = sol.y[:, -1], end
        _, _, v, q = np.concatenate(found, axis=1)
        rho = 0.34
        return 0.02 * (7 * rho * (1 - q) + 2 * (1 - q / v) + (2 * rho - 0.2) * (1 - v))

    exact = np.stack([truth(lambda t: float(t < 1.0 - 1e-12)), truth(lambda t: 0.3)], axis=1)
    found = nex.measure.bold(jnp.asarray(activity), dt, tr=tr)
    assert found.shape == (60, 2)
    error = np.abs(np.asarray(found) - exact).max() / exact.max()
    ledger("Balloon", "SciPy DOP853", "BOLD of a pulse and of lasting activity, of its maximum", error, 1e-6)
    assert 3.0 < tr / 1000.0 * (1 + exact[:, 0].argmax()) < 5.0 and exact[:, 0].min() < -0.1 * exact[:, 0].max()
    # In a network: the same cell, fed by what areas put out, which arrives a step later.
    areas = nex.Population(nex.Leaky(tau=1.0, v_rest=0.3), 2)
    blood = nex.Population(nex.rates.Balloon(), 2, {"in": nex.Receptor(nex.Instant(), nex.CUBA())})
    net = nex.Network(
        {"areas": areas, "blood": blood}, [nex.Projection("areas", "blood", "in", nex.connect.one_to_one(1.0))]
    )
    seen = nex.simulate(net, 30_000.0, dt, record={"y": nex.output("blood")}).records["y"].values
    alone = np.asarray(nex.measure.bold(jnp.asarray(activity[:, 1]), dt))
    np.testing.assert_allclose(np.asarray(seen)[1:, 0], alone[:-1], atol=1e-12)

    def total(x, alpha):
        balloon = nex.rates.Balloon(alpha=alpha)
        return jnp.sum(nex.measure.bold(x * jnp.asarray(activity[:100, :1]), dt, balloon=balloon) ** 2) * 1e4

    h = 1e-5
    slopes = jax.jit(jax.grad(total, (0, 1)))(jnp.asarray(1.0), jnp.asarray(0.32))
    value = jax.jit(total)
    numeric = [
        (value(1.0 + h, 0.32) - value(1.0 - h, 0.32)) / (2 * h),
        (value(1.0, 0.32 + h) - value(1.0, 0.32 - h)) / (2 * h),
    ]
    np.testing.assert_allclose(slopes, numeric, rtol=1e-6)


def test_functional_connectivity(x64, ledger):
    x = np.random.default_rng(0).normal(size=(300, 7)) @ np.random.default_rng(1).normal(size=(7, 7)) + 5.0
    fc = np.asarray(nex.measure.functional_connectivity(jnp.asarray(x)))
    np.testing.assert_allclose(fc, np.corrcoef(x.T), atol=1e-13)
    other = np.corrcoef(x[:100].T)
    upper = np.triu_indices(7, 1)
    np.testing.assert_allclose(
        nex.measure.fc_similarity(jnp.asarray(fc), jnp.asarray(other)),
        np.corrcoef(fc[upper], other[upper])[0, 1],
        rtol=1e-12,
    )
    windows = [np.corrcoef(x[i : i + 60].T)[upper] for i in range(0, 241, 30)]
    fcd = nex.measure.fc_dynamics(jnp.asarray(x), 60, 30)
    np.testing.assert_allclose(fcd, np.corrcoef(windows), atol=1e-12)
    # A constant series, whatever its value, is correlated with none, and harms no gradient.
    flat = jnp.asarray(x).at[:, 3].set(0.1)
    total = lambda y: jnp.sum(nex.measure.functional_connectivity(y) ** 2)
    assert np.all(np.asarray(nex.measure.functional_connectivity(flat))[3] == 0.0)
    assert np.all(np.isfinite(jax.grad(total)(flat)))


def test_phases_and_order(x64):
    t = 0.01 * np.arange(2000)
    x = np.stack([np.cos(2 * np.pi * t), 3.0 + np.sin(4 * np.pi * t) * (1 + 0.1 * np.cos(np.pi * t))], axis=1)
    for signal in (x, x[:-1]):  # an even and an odd number of samples
        expected = np.angle(hilbert(signal - signal.mean(0), axis=0))
        found = np.asarray(nex.measure.phases(jnp.asarray(signal)))
        np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * expected), atol=1e-9)
    theta = np.random.default_rng(0).uniform(-3.0, 3.0, (5, 9))
    expected = np.abs(np.exp(1j * theta).mean(1))
    np.testing.assert_allclose(nex.measure.order_parameter(jnp.asarray(theta)), expected, rtol=1e-12)
    opposite = jnp.array([0.0, jnp.pi])
    assert np.all(np.isfinite(jax.grad(lambda x: nex.measure.order_parameter(x))(opposite)))
    # Of 0.5, 3 and 9 Hz only the second is between 1 and 5.
    parts = [np.cos(2 * np.pi * f * t + f) for f in (0.5, 3.0, 9.0)]
    np.testing.assert_allclose(nex.measure.bandpass(jnp.asarray(7.0 + sum(parts)), 10.0, 1.0, 5.0), parts[1], atol=1e-9)


def test_potentials(x64):
    rng = np.random.default_rng(0)
    ampa, gaba = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    a, b = jnp.asarray(ampa), jnp.asarray(gaba)
    np.testing.assert_allclose(nex.measure.lfp_absolute(a, b), (abs(ampa) + abs(gaba)).sum(1), rtol=1e-13)
    found = nex.measure.lfp_reference(a, b, 0.5)
    expected = [ampa[i - 12].sum() - 1.65 * gaba[i].sum() for i in range(12, 40)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    field = rng.normal(size=(6, 3))
    np.testing.assert_allclose(
        nex.measure.eeg(a, jnp.asarray(field), average_reference=False), ampa @ field.T, atol=1e-13
    )
    np.testing.assert_allclose(nex.measure.eeg(a, jnp.asarray(field)), ampa @ (field - field.mean(0)).T, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nex.measure.bold(x, 10.0, tr=15.0), "`tr` must be a multiple of the time between samples, 10 ms"),
        (lambda x: nex.measure.functional_connectivity(x[:1]), "`x` must have at least 2 samples"),
        (lambda x: nex.measure.fc_dynamics(x, 1, 1), "`window` must be a whole number of samples, at least 2, got 1"),
        (lambda x: nex.measure.fc_dynamics(x, 50, 1), "at least 50 samples"),
        (lambda x: nex.measure.bandpass(x, 1.0, 5.0, 1.0), "`low` must be below `high`"),
        (lambda x: nex.measure.lfp_reference(x, x, 4.0), "`delay_ampa` must be a multiple"),
        (lambda x: nex.measure.eeg(x, jnp.ones((3, 9))), r"lead field of shape \(3, 9\) does not fit"),
        (lambda x: nex.measure.fc_similarity(x @ x.T, x.T @ x), "must have one shape"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.ones((20, 2)))
