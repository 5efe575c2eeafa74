"""The elementary functions of native loops against NumPy's in a wider type, over their whole range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from neuroeqx import fuse
from neuroeqx._math import phi1
from neuroeqx.fuse import _step, while_loop


def error_function(x):
    """erf and erfc of long doubles: by Taylor's series of e^(x^2) erf(x), without cancellation, and a continued fraction."""
    x = np.asarray(x, np.longdouble)
    root = np.sqrt(np.longdouble(4) * np.arctan(np.longdouble(1)))
    small, large = np.minimum(np.abs(x), 2.0), np.clip(np.abs(x), 2.0, 120.0)
    term, total, fraction = small.copy(), np.zeros_like(small), np.zeros_like(large)
    for k in range(80):
        total, term = total + term, term * 2 * small * small / (2 * k + 3)
    for k in range(300, 0, -1):
        fraction = np.longdouble(k) / 2 / (large + fraction)
    near, far = 2 / root * np.exp(-small * small) * total, np.exp(-large * large) / root / (large + fraction)
    erf = np.copysign(np.where(np.abs(x) < 2, near, 1 - far), x)
    return erf, np.where(x < 0.3, 1 - erf, np.where(np.abs(x) < 2, 1 - near, far))


FUNCTIONS = {
    "exp": (jnp.exp, np.exp), "expm1": (jnp.expm1, np.expm1), "log": (jnp.log, np.log), "log1p": (jnp.log1p, np.log1p),
    "tanh": (jnp.tanh, np.tanh), "logistic": (jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "exp2": (lax.exp2, np.exp2), "cbrt": (lax.cbrt, np.cbrt), "sinh": (lax.sinh, np.sinh), "cosh": (lax.cosh, np.cosh),
    "asinh": (lax.asinh, np.arcsinh), "acosh": (lax.acosh, np.arccosh), "atanh": (lax.atanh, np.arctanh),
    "sin": (lax.sin, np.sin), "cos": (lax.cos, np.cos), "tan": (lax.tan, np.tan),
    "asin": (lax.asin, np.arcsin), "acos": (lax.acos, np.arccos), "atan": (lax.atan, np.arctan),
    "erf": (lax.erf, lambda x: error_function(x)[0]), "erfc": (lax.erfc, lambda x: error_function(x)[1]),
}  # fmt: skip
if hasattr(lax, "log2"):  # in JAX 0.10 a quotient of logarithms
    FUNCTIONS["log2"] = lax.log2, np.log2
ODD = ("expm1", "log1p", "tanh", "cbrt", "sinh", "asinh", "atanh", "sin", "tan", "asin", "atan", "erf")
ULPS = {"float32": 2.0, "float64": 4.0}


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


def native(function, *args):
    """`function` in a native loop of one round."""

    def once(*args):
        body = lambda carry: (carry[0] + 1, function(*carry[2]), carry[2])
        return while_loop(lambda carry: carry[0] < 1, body, (jnp.int32(0), jnp.zeros_like(args[0]), args))[1]

    lowered = jax.jit(once).lower(*args)
    assert "neuroeqx_fused_while" in lowered.as_text()
    return np.asarray(lowered.compile()(*args))


def native_singles(function, x):
    """`function` of one number after the other, without vectors."""
    scan = lambda x: fuse.scan(lambda carry, x: (carry, function(x)), jnp.zeros((), x.dtype), x)[1]
    lowered = jax.jit(scan).lower(x)
    assert "neuroeqx_fused_scan" in lowered.as_text()
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


def arguments(name, dtype):
    """`numbers`, and for those that are periodic where they are zero, as far as that can be hit, and where reductions end."""
    x = numbers(dtype)
    if name not in ("sin", "cos", "tan"):
        return x
    zeros = np.concatenate([np.arange(-30_000, 30_000), 2 ** np.arange(40) + 1]) * np.arctan(np.longdouble(1)) * 2
    ends = [s * 2.0**k + d for k in (16, 24) for s in (-1, 1) for d in np.linspace(-1, 1, 2001)]
    worst = [16367173 * 2.0**72, 6381956970095103 * 2.0**797]  # the nearest to a multiple of pi/2 of each dtype
    with np.errstate(over="ignore"):
        return np.concatenate([x, zeros.astype(dtype), np.array([*ends, *worst], dtype)])


def wide(x):
    return x.astype(np.longdouble)


@pytest.mark.parametrize("form", ["vectors", pytest.param("singles", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors(name, form, dtype):
    x = arguments(name, dtype)
    ours, exact = FUNCTIONS[name]
    got = (native if form == "vectors" else native_singles)(ours, jnp.asarray(x))
    with np.errstate(all="ignore"):
        error = ulps(got, exact(wide(x)), dtype)
    assert error.max() <= ULPS[dtype]


@pytest.mark.parametrize("name", ODD)
def test_the_sign_of_zero(name, dtype):
    zeros = jnp.asarray(np.array([0.0, -0.0] * 9, dtype))
    for form in (native, native_singles):
        got = form(FUNCTIONS[name][0], zeros)
        np.testing.assert_array_equal(got, zeros)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(zeros))


TWO = {"pow": (lax.pow, np.power), "atan2": (lax.atan2, np.arctan2)}


def pairs(name, dtype):
    """Results over the whole range, from arguments of all sizes; and all pairs of numbers with results of their own."""
    rng, kind, count = np.random.default_rng(1), np.finfo(dtype), 40_000
    sizes = lambda: np.exp2(rng.uniform(kind.minexp, kind.maxexp, count)) * rng.choice([-1, 1], count)
    whole = rng.integers(-40, 40, count)
    if name == "pow":
        x = [np.abs(sizes()), rng.uniform(0.6, 1.5, count), np.abs(sizes()), rng.uniform(0.01, 30.0, count)]
        y = [rng.uniform(kind.minexp, kind.maxexp, count) / np.log2(a) for a in x[:2]]
        x, y = [*x, -x[3]], [*y, sizes(), whole + 0.5 * rng.integers(0, 2, count), whole]
    else:
        x = [sizes(), sizes(), rng.uniform(-2, 2, count)]
        y = [sizes(), x[1] * rng.uniform(-4, 4, count), rng.uniform(-2, 2, count)]
    odd = 2.0**kind.nmant + 1.0  # the largest numbers that are odd are about twice that
    special = [0.0, 1, 2, 3, 0.5, 0.7, 2.5, 1e30, odd, 2 * odd - 1, 2 * odd, kind.tiny, kind.max, np.inf, np.nan]
    a, b = np.meshgrid(*[[s * number for number in special for s in (-1, 1)]] * 2)
    return np.concatenate([*x, a.ravel()]).astype(dtype), np.concatenate([*y, b.ravel()]).astype(dtype)


def is_subnormal(x):
    return (x != 0) & (np.abs(x) < np.finfo(x.dtype).tiny)


@pytest.mark.parametrize("name", TWO)
def test_errors_of_two_arguments(name, dtype):
    with np.errstate(all="ignore"):
        x, y = pairs(name, dtype)
        usual = ~is_subnormal(x) & ~is_subnormal(y)
        x, y = x[usual], y[usual]
        ours, exact = TWO[name]
        got, truth = native(ours, jnp.asarray(x), jnp.asarray(y)), exact(wide(x), wide(y))
        error = ulps(got, truth, dtype)
    assert error.max() <= ULPS[dtype]
    number = ~np.isnan(truth)
    np.testing.assert_array_equal(np.signbit(got)[number], np.signbit(truth)[number])  # of zeros too


def assert_between(got, ends, dtype):
    """That results lie between two others, but for rounding; a result below the normal numbers may be zero."""
    low, high = np.minimum(*ends), np.maximum(*ends)
    kind = np.finfo(dtype)
    slack = lambda end: ULPS[dtype] * kind.eps * np.abs(np.where(np.isinf(end), 0, end)) + kind.tiny
    assert np.all((got >= low - slack(low)) & (got <= high + slack(high)))


def subnormals(dtype):
    kind = np.finfo(dtype)
    sizes = kind.tiny * np.linspace(0.01, 0.99, 40).astype(dtype)
    assert np.all(is_subnormal(sizes))
    return np.concatenate([sizes, -sizes])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_subnormal_arguments(name, dtype):
    """They count as some number between zero and themselves, since XLA lets its threads flush them."""
    x = subnormals(dtype)
    x = x[x > 0] if name in ("log", "log2") else x
    ours, exact = FUNCTIONS[name]
    got = native(ours, jnp.asarray(x))
    with np.errstate(all="ignore"):
        ends = exact(wide(x) * 0), exact(wide(x))
    if name == "acosh":
        assert np.all(np.isnan(got)) and np.all(np.isnan(ends))
    else:
        assert_between(got, ends, dtype)


def test_subnormal_arguments_of_two(dtype):
    least = subnormals(dtype)
    least = least[least > 0]
    for y in (2.5, 0.5, 1e-3, -0.5, -3.0):
        other = np.full_like(least, y)
        with np.errstate(all="ignore"):
            ends = [np.power(x, wide(other)).astype(dtype) for x in (wide(least) * 0, wide(least))]
        got = native(lax.pow, jnp.asarray(least), jnp.asarray(other))
        assert_between(got, ends, dtype)
        angle = native(lax.atan2, jnp.asarray(least), jnp.asarray(other))
        assert_between(angle, [np.arctan2(x, wide(other)) for x in (wide(least) * 0, wide(least))], dtype)
    np.testing.assert_array_equal(native(lax.pow, jnp.full(least.shape, 3.0, dtype), jnp.asarray(least)), 1.0)
    both = native(lax.atan2, jnp.asarray(least), jnp.asarray(least))
    assert np.all((both >= 0) & (both <= np.asarray(np.pi / 2, dtype)))


@pytest.mark.parametrize("lanes", [8, 77])
def test_branches_in_scans(lanes, dtype):
    """What some lanes need is computed for a vector of several that lie side by side, and for single numbers."""
    x = jnp.asarray(np.random.default_rng(3).uniform(-1e9, 1e9, (9, lanes)), dtype)

    def step(carry, x):
        total = jnp.sin(x) + carry[0] * jnp.cos(0.3 * carry[1])
        return (total, 1.5e4 + jnp.tan(carry[1]) / 8.0), total

    run = lambda scan: jax.jit(lambda x: scan(step, (x[0] * 1e-9, jnp.asarray(0.25, dtype)), x))
    assert "neuroeqx_fused_scan" in run(fuse.scan).lower(x).as_text()
    for a, b in zip(jax.tree.leaves(run(fuse.scan)(x)), jax.tree.leaves(run(lax.scan)(x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3 if dtype == "float32" else 1e-10, atol=1e-5)


def test_phi1(dtype):
    """$(e^x - 1) / x$: a function of ours with native code of its own, without a branch."""
    x = numbers(dtype)
    x = x[np.isfinite(x) & (np.abs(x) < 80) & (np.abs(x) > 1e-30)]
    wide = x.astype(np.float64 if dtype == "float32" else np.longdouble)
    error = ulps(native(phi1, jnp.asarray(x)), np.expm1(wide) / wide, dtype)
    assert error.max() <= 5.0
    assert np.all(native(phi1, jnp.zeros(20, dtype)) == 1.0)
