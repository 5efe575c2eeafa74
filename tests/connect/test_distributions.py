"""Distributions against those of SciPy, and the places where they are drawn from."""

import jax
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import connect
from scipy import stats


_LOG = np.sqrt(np.log1p((2.0 / 5.0) ** 2))
CASES = {
    "normal": (connect.normal(-60.0, 5.0), stats.norm(-60.0, 5.0)),
    "uniform": (connect.uniform(-70.0, -55.0), stats.uniform(-70.0, 15.0)),
    "truncated_normal": (connect.truncated_normal(1.0, 2.0, 0.0, 4.0), stats.truncnorm(-0.5, 1.5, 1.0, 2.0)),
    "one bound": (connect.truncated_normal(1.0, 2.0, low=0.0), stats.truncnorm(-0.5, np.inf, 1.0, 2.0)),
    "gamma": (connect.gamma(5.0, 8.0), stats.gamma(25.0 / 64.0, scale=64.0 / 5.0)),
    "lognormal": (connect.lognormal(5.0, 2.0), stats.lognorm(_LOG, scale=5.0 * np.exp(-(_LOG**2) / 2.0))),
}


def test_the_laws(dtype):
    drawn = jax.jit(lambda key: {name: draw(key, (4000,)) for name, (draw, _) in CASES.items()})(jr.key(0))
    for name, (_, law) in CASES.items():
        x = np.asarray(drawn[name])
        assert x.dtype == dtype
        assert stats.kstest(x, law.cdf).pvalue > 1e-3, name
        low, high = law.support()
        assert low <= x.min()
        assert x.max() <= high


def test_the_moments_of_a_lognormal_are_those_given():
    law = CASES["lognormal"][1]
    np.testing.assert_allclose([law.mean(), law.std()], [5.0, 2.0])
    np.testing.assert_allclose(connect.lognormal(5.0, 0.0)(jr.key(0), (3,)), 5.0, rtol=1e-6)


def test_initial_values_weights_and_delays_take_them():
    draw = connect.truncated_normal(2.0, 1.0, 1.0, 3.0)
    v = nex.Population(nex.LIF(), 200, v0=draw).init(dt=0.1, key=jr.key(1)).v
    matrix = connect.one_to_one(draw)(200, 200, key=jr.key(2))
    steps = connect.in_steps(draw, 0.1)(jr.key(3), (200,))
    for x in map(np.asarray, (v, matrix.weight, 0.1 * np.asarray(steps))):
        assert x.min() >= 1.0 - 1e-6
        assert x.max() <= 3.0 + 1e-6
        assert np.unique(x).size > 15
        np.testing.assert_allclose(x.mean(), 2.0, atol=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: connect.truncated_normal(0.0, 0.0, 1.0, 2.0), "`sd` positive"),
        (lambda: connect.truncated_normal(0.0, 1.0, 2.0, 2.0), "`low` must lie below `high`"),
        (lambda: connect.truncated_normal(0.0, 1.0, np.nan, 2.0), "`low` must lie below `high`"),
        (lambda: connect.gamma(1.0, 0.0), "must be positive and finite"),
        (lambda: connect.lognormal(0.0, 1.0), "`mean` must be positive"),
        (lambda: connect.lognormal(1.0, -1.0), "`sd` not negative"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
