"""Rates of Siegert against SciPy's quadrature, and those of Brunel's network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx import analysis
from scipy import integrate, special


# Below and above threshold, with much and little noise; the last have arguments near which erfc underflows.
MEANS = np.array([-20.0, 0.0, 10.0, 15.0, 19.9, 20.0, 25.0, 100.0, 1e4, 46.6, 33.3])
STDS = np.array([8.0, 5.0, 2.0, 5.0, 3.0, 0.5, 0.1, 30.0, 50.0, 1.0, 2.0])


def quadrature(mean, std):
    low, high = (10.0 - mean) / std, (20.0 - mean) / std
    # In parts, where it is steep.
    edges = np.linspace(low, high, 21)
    total = sum(
        integrate.quad(lambda u: special.erfcx(-u), a, b)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)
    )
    return 1000.0 / (2.0 + 20.0 * np.sqrt(np.pi) * total)


def test_siegert_is_the_integral_everywhere(dtype, ledger):
    rates = analysis.siegert(MEANS, STDS)
    expected = np.array([quadrature(*pair) for pair in zip(MEANS, STDS, strict=True)])
    error = np.abs(np.asarray(rates, np.float64) / expected - 1.0).max()
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    ledger("analysis.siegert", "SciPy's quadrature", f"rates, relative, {dtype}", error, tolerance)


def test_siegert_and_its_derivatives_stay_finite(dtype):
    means = np.array([-1e6, -1e3, 0.0, 19.9999, 20.0, 30.0, 30.0, 1e6, 10.0])
    stds = np.array([1.0, 1e-3, 0.0, 1e-5, 0.0, 1e3, 0.0, 1e4, 0.3])
    slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda m, s: analysis.siegert(m, s), (0, 1))))
    values, (by_mean, by_std) = slopes(jnp.asarray(means, dtype), jnp.asarray(stds, dtype))
    for x in (values, by_mean, by_std):
        assert np.all(np.isfinite(x))
    assert np.all(by_mean >= 0.0)
    # Without noise an interval lasts t_ref + tau log((mean - v_reset) / (mean - v_th)).
    assert float(values[6]) == pytest.approx(1000.0 / (2.0 + 20.0 * np.log(2.0)), rel=1e-5)
    assert values[2] == 0.0
    if dtype == "float64":
        f = analysis.siegert
        for mean, std in ((15.0, 5.0), (25.0, 1.0), (-20.0, 8.0)):
            _, (a, b) = slopes(jnp.array([mean] * 9), jnp.array([std] * 9))
            assert float(a[0]) == pytest.approx(float(f(mean + 1e-4, std) - f(mean - 1e-4, std)) / 2e-4, rel=1e-6)
            assert float(b[0]) == pytest.approx(float(f(mean, std + 1e-4) - f(mean, std - 1e-4)) / 2e-4, rel=1e-6)


def brunel(g, eta):
    """12,500 neurons, a tenth of them connected to each; external rates relative to that which would reach the threshold."""
    weight = 0.1 * jnp.ones((2, 2)) * jnp.stack([jnp.ones(()), -jnp.asarray(g)])[:, None]
    return analysis.MeanField([[1000.0, 1000.0], [250.0, 250.0]], weight, rate_ext=eta * 20.0 / (0.1 * 20.0) * 1000.0)


def test_self_consistent_rates_of_brunel(x64, ledger):
    expected = {(6.0, 4.0): 55.841, (5.0, 2.0): 37.950, (4.5, 0.9): 6.517, (3.0, 2.0): 327.008}
    for (g, eta), rate in expected.items():
        found = np.asarray(brunel(g, eta).rates(300.0 if g < 4.0 else 10.0))
        error = np.abs(found / rate - 1.0).max()
        ledger(
            "analysis.MeanField",
            "independent solution of Siegert's equations",
            "rates of Brunel's network, relative",
            error,
            1e-4,
        )
    rate = lambda g: brunel(g, 2.0).rates()[0]
    slope = float(rate(5.001) - rate(4.999)) / 2e-3
    assert float(jax.grad(rate)(5.0)) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(in_degree=[1.0, 2.0]), "`in_degree` must have shape"),
        (dict(weight=[1.0, 2.0, 3.0]), "`weight` has shape"),
        (dict(rate_ext=-1.0), "`rate_ext` must not be negative"),
        (dict(v_reset=30.0), "`v_reset` must lie below `v_th`"),
    ],
)
def test_errors_name_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        analysis.MeanField(**({"in_degree": np.ones((2, 2)), "weight": 0.1} | change))
