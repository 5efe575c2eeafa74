"""Fused scans, launched and interpreted, against `jax.lax.scan` in XLA."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runner
import scan_bodies as bodies
from jax import lax
from neuroeqx import fuse
from neuroeqx.fuse._elementwise import EMITTERS
from neuroeqx.fuse._scan import scan_p
from neuroeqx.fuse._triton_text import SUPPORTED
from runner import watched as watched


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of infinities
runner.lower_to_kernels(scan_p)


def check(function, *operands, rtol, atol=0.0, launches=1):
    truth = jax.jit(functools.partial(function, lax.scan))(*operands)
    with runner.launches(exactly={"fused_scan": launches}):
        ours = jax.block_until_ready(jax.jit(functools.partial(function, fuse.scan))(*operands))
    assert jax.tree.structure(ours) == jax.tree.structure(truth)
    for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(truth), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)
    return ours


@pytest.fixture(params=["float32", "float64"])
def real(request):
    with runner.precision(request.param == "float64"):
        yield request.param


# The largest, interpreted, is checked in one precision, for time.
LARGEST = "TraubMiles"
CASES = [
    (name, real)
    for real in ("float32", "float64")
    for name in bodies.CELLS
    if not (runner.INTERPRETED and name == LARGEST and real == "float32")
]
every_case = pytest.mark.parametrize("name, real", CASES, indirect=["real"])
# Rules are the same in both precisions.
every_gradient = pytest.mark.parametrize(
    "name, real", [case for case in CASES if not runner.INTERPRETED or case[1] == "float64"], indirect=["real"]
)


@every_case
def test_cells(name, real, watched):
    """Of a number that is no multiple of that of a program's lanes. In float32 to 1e-5 of some 100 mV: spikes are steep.

    Those of Izhikevich cells are steeper: in float32 XLA's own are up to 0.0055 mV from those in float64.
    """
    function, operands = bodies.cell(name, 301, real)
    rtol, atol = (1e-5, 1e-2 if name == "Izhikevich" else 1e-3) if real == "float32" else (1e-12, 1e-11)
    ours = check(function, *operands, rtol=rtol, atol=atol)
    assert name == LARGEST or float(jnp.sum(ours[1][0])) > 0


@pytest.mark.parametrize("n, steps", [(1, 1), (2, 7), (127, 4), (128, 1), (129, 7)])
def test_sizes_and_steps(n, steps, watched):
    function, (state, current) = bodies.cell("LIF Euler", n, "float32")
    check(function, state, current[:steps], rtol=2e-6)


@pytest.mark.parametrize("name, kind, dtype", bodies.PRIMITIVES, ids=map("-".join, bodies.PRIMITIVES))
def test_primitives(name, kind, dtype):
    with runner.precision("64" in dtype):
        function, operands = bodies.primitive(name, kind, dtype)
        # Of XLA's own functions, too, the last places are not certain.
        eps = 0.0 if kind == "whole" else 8 * float(jnp.finfo(dtype).eps)
        tiny = 0.0 if kind == "whole" else 4 * float(jnp.finfo(dtype).tiny)
        # The error of the argument of an exponential is that of its result.
        eps *= 100 if name == "exp2" or name == "pow" and dtype == "float64" else 1
        check(function, *operands, rtol=eps, atol=tiny)


def test_no_primitive_is_left_out():
    assert {*bodies.UNARY, *bodies.BINARY, *bodies.WHOLE, *bodies.RANDOM} - {"truth"} == SUPPORTED
    assert SUPPORTED - set(EMITTERS) == {"fill"}


def test_what_is_not_known_stays_in_xla(monkeypatch):
    from neuroeqx.fuse import _triton_text

    monkeypatch.setattr(_triton_text, "SUPPORTED", SUPPORTED - {"tanh"})
    check(bodies.applied(jnp.tanh), bodies.numbers("float32"), rtol=1e-6, launches=0)


@pytest.mark.parametrize("real", ["float64"] if runner.INTERPRETED else ["float32", "float64"], indirect=True)
def test_random_numbers(real, watched):
    key, v = jax.random.key(0), jnp.zeros(150, real)
    tolerance = 1e-5 if real == "float32" else 1e-13
    check(bodies.random, key, v, rtol=tolerance, atol=tolerance)
    many = lambda scan, keys, v: jax.vmap(lambda key: bodies.random(scan, key, v))(keys)
    check(many, jax.random.split(key, 3), v, rtol=tolerance, atol=tolerance)


def test_batches(real, watched):
    """Constants, single numbers and inputs, some of which each member has for itself."""

    def function(scan, tau, scale, xs):
        def own(tau, scale):
            def body(carry, x):
                v, i = carry
                v = v + (x * scale - v) / tau
                return (v, i + 1), (v, i, scale * i.astype(v.dtype))

            return scan(body, (jnp.zeros(50, real), jnp.int32(0)), xs)

        return jax.vmap(own, (None, 0))(tau, scale)

    xs = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (5, 50)), real)
    check(function, jnp.linspace(5, 20, 50, dtype=real), jnp.linspace(1, 2, 3, dtype=real), xs, rtol=4e-6, atol=1e-7)


def test_single_numbers_and_truth_values(real):
    """Stored by one program; a carry whose parts change places. Not watched: that counts in pairs of bytes."""

    def body(carry, x):
        a, b, i, flags = carry
        own, shared, switch = x
        flags = flags ^ (own > 0.5)
        return (b, jnp.where(switch & flags, a + shared * own, own), i + 1, flags), (flags, shared * 2.0, i, ~switch)

    carry = jnp.zeros(200, real), jnp.ones(200, real), jnp.int32(3), jnp.zeros(200, bool)
    rng = np.random.default_rng(0)
    xs = jnp.asarray(rng.uniform(0, 1, (6, 200)), real), jnp.asarray(rng.uniform(0, 1, 6), real), jnp.arange(6) % 2 == 0
    check(lambda scan, carry, xs: scan(body, carry, xs), carry, xs, rtol=1e-6)


def test_numbers_alone(real, watched):
    check(
        lambda scan, v, xs: scan(lambda v, x: (0.5 * v + x, v), v, xs),
        jnp.zeros((), real),
        jnp.ones(9, real),
        rtol=1e-6,
    )


@every_gradient
def test_gradients(name, real, watched):
    """One kernel forwards, which stores the states, and one backwards in time."""
    function, (state, current) = bodies.cell(name, 33, real)
    floats = lambda tree: [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact)]

    def gradient(scan, state, current):
        return jax.grad(lambda current: sum(jnp.mean(x) for x in floats(function(scan, state, current))))(current)

    truth = jax.jit(functools.partial(gradient, lax.scan))(state, current)
    scale = float(jnp.max(jnp.abs(truth)))
    # Exponentials of some 80 mV multiply the rounding of float32.
    check(gradient, state, current, rtol=0.0, atol=scale * (1e-4 if real == "float32" else 1e-10), launches=2)


def test_gradients_of_parameters_and_batches(real, watched):
    """Of a number for all lanes and of a number for each; both modes."""
    v, xs = jnp.full((2, 60), 0.2, real), jnp.asarray(np.random.default_rng(0).uniform(0, 1, (5, 60)), real)
    tau, gain = jnp.linspace(5, 20, 60, dtype=real), jnp.asarray(1.3, real)

    def loss(scan, tau, gain, v):
        body = lambda v, x: (v + (gain * x - v) / tau, v * v)
        return jnp.sum(jax.vmap(lambda v: scan(body, v, xs)[1])(v))

    tolerance = 1e-5 if real == "float32" else 1e-10
    both = lambda scan, *operands: jax.grad(functools.partial(loss, scan), argnums=(0, 1, 2))(*operands)
    check(both, tau, gain, v, rtol=tolerance, launches=2)
    forwards = lambda scan, *operands: jax.jvp(functools.partial(loss, scan), operands, operands)
    check(forwards, tau, gain, v, rtol=tolerance)
