"""The elementary functions of native loops against NumPy's in a wider type, over their whole range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx._math import phi1
from neuroeqx.fuse import _step, while_loop


FUNCTIONS = {
    "exp": (jnp.exp, np.exp), "expm1": (jnp.expm1, np.expm1), "log": (jnp.log, np.log), "log1p": (jnp.log1p, np.log1p),
    "tanh": (jnp.tanh, np.tanh), "logistic": (jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "exp2": (jnp.exp2, np.exp2), "sin": (jnp.sin, np.sin), "cos": (jnp.cos, np.cos),
}  # fmt: skip
ULPS = {"float32": 2.0, "float64": 4.0}


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


def native(function, x):
    """`function` in a native loop of one round."""

    def once(x):
        body = lambda carry: (carry[0] + 1, function(carry[2]), carry[2])
        return while_loop(lambda carry: carry[0] < 1, body, (jnp.int32(0), jnp.zeros_like(x), x))[1]

    lowered = jax.jit(once).lower(x)
    assert "neuroeqx_fused_while" in lowered.as_text()
    return np.asarray(lowered.compile()(x))


def numbers(dtype):
    """Over all exponents, and densely where functions of neurons are used; zeros, infinities, NaN. No subnormals: XLA
    flushes them."""
    rng = np.random.default_rng(0)
    kind = np.finfo(dtype)
    spread = np.exp2(rng.uniform(kind.minexp, kind.maxexp, 30_001)) * rng.choice([-1, 1], 30_001)
    dense = np.concatenate([rng.uniform(-s, s, 10_000) for s in (1e-3, 1.0, 30.0, 100.0, 750.0)])
    near = [
        d + np.linspace(-1e-2, 1e-2, 2001) for d in (0.0, 0.34657, -0.34657, 0.7071, 1.0, 1.4142, 88.72, -87.33, 709.78)
    ]
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, kind.max, kind.min, kind.tiny, -kind.tiny]
    return np.concatenate([spread, dense, *near, special]).astype(dtype)


def ulps(ours, truth, dtype):
    """The error in units in the last place of the truth; what lies below the normal numbers counts as zero."""
    kind = np.finfo(dtype)
    rounded = truth.astype(dtype)
    finite = np.isfinite(rounded) & (np.abs(truth) >= kind.tiny * 2)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(truth))
    over = ~np.isfinite(rounded)
    np.testing.assert_array_equal(ours[over], rounded[over])
    assert np.all(np.abs(ours[np.abs(truth) < kind.tiny * 2]) <= 3 * kind.tiny)
    return np.abs(ours[finite] - truth[finite]) / np.spacing(np.abs(rounded[finite])).astype(truth.dtype)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors(name, dtype):
    x = numbers(dtype)
    if name in ("sin", "cos"):
        x = x[np.abs(x) < 1e5]
    ours, exact = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        truth = exact(x.astype(np.float64 if dtype == "float32" else np.longdouble))
        got = native(ours, jnp.asarray(x))
        error = ulps(got, truth, dtype)
    assert error.max() <= ULPS[dtype]


def test_the_sign_of_zero(dtype):
    zeros = jnp.asarray(np.array([0.0, -0.0] * 9, dtype))
    for function in (jnp.expm1, jnp.tanh):
        np.testing.assert_array_equal(np.signbit(native(function, zeros)), np.signbit(zeros))


def test_phi1(dtype):
    """$(e^x - 1) / x$: a function of ours with native code of its own, without a branch."""
    x = numbers(dtype)
    x = x[np.isfinite(x) & (np.abs(x) < 80) & (np.abs(x) > 1e-30)]
    wide = x.astype(np.float64 if dtype == "float32" else np.longdouble)
    error = ulps(native(phi1, jnp.asarray(x)), np.expm1(wide) / wide, dtype)
    assert error.max() <= 5.0
    assert np.all(native(phi1, jnp.zeros(20, dtype)) == 1.0)
