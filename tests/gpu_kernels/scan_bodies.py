"""Bodies of scans: cells as a user would write them, and every primitive that Triton kernels are written for."""

import functools

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
from jax import lax
from neuroeqx import fuse
from neuroeqx._math import exprel_inverse, phi1


STEPS = 11  # two groups of steps whose inputs are loaded together, and three steps more


def stepped(cell):
    """A cell of this package as the body of a scan over currents."""

    def scan_of(scan, state, current):
        def body(state, x):
            t = x[0].astype(current.dtype) * 0.1
            state, spike = cell.step(state, lambda v: x[1], dt=0.1, t=t)
            return state, (spike, state)

        return scan(body, state, (jnp.arange(len(current), dtype=jnp.int32), current))

    return scan_of


def adex(scan, state, current):
    def body(state, x):
        v, w = state
        slope = 2.0 * jnp.exp(jnp.minimum((v + 50.0) / 2.0, 8.0))
        v, w = v + 0.1 * (-65.0 - v + slope + x - w) / 20.0, w + 0.1 * (0.1 * (v + 65.0) - w) / 100.0
        fired = v > -40.0
        v, w = jnp.where(fired, -60.0, v), jnp.where(fired, w + 3.0, w)
        return (v, w), (fired.astype(v.dtype), v)

    return scan(body, state, current)


def izhikevich(scan, state, current):
    def body(state, x):
        v, u = state
        v, u = v + 0.5 * (0.04 * v**2 + 5.0 * v + 140.0 - u + x), u + 0.5 * 0.02 * (0.2 * v - u)
        spike = (v >= 30.0).astype(v.dtype)
        return (v + spike * (-65.0 - v), u + 8.0 * spike), (spike, v)

    return scan(body, state, current)


lif = functools.partial(nex.LIF, v_rest=-60.0, v_th=-58.0, v_reset=-60.0)
CELLS = {
    "LIF Euler": (lambda: lif(stepper=nex.Euler()), 60.0),
    "LIF ExpEuler": (lambda: nex.Refractory(lif(), 0.5), 60.0),
    "AdEx": (adex, 90.0),
    "Izhikevich": (izhikevich, 40.0),
    "TraubMiles": (nex.TraubMiles, 600.0),
}


def cell(name, n, dtype):
    """From a scan to its results, and its operands."""
    make, most = CELLS[name]
    rng = np.random.default_rng(0)
    current = jnp.asarray(rng.uniform(0.0, most, (STEPS, n)), dtype)
    start = lambda x: (
        x + jnp.asarray(rng.uniform(0.0, 2.0, x.shape), x.dtype) if x.dtype == dtype and x.size == n else x
    )
    if make in (adex, izhikevich):
        level = -42.0 if make is adex else -60.0
        return make, (tuple(map(start, (jnp.full(n, level, dtype), jnp.zeros(n, dtype)))), current)
    own = make()
    return stepped(own), (jax.tree.map(start, own.init((n,))), current)


# Every primitive: a name, and what to apply to what. Numbers are named by their kinds.


def numbers(dtype):
    """Small and large ones, ties of rounding, zeros, infinities, NaN. No subnormal ones, which XLA flushes."""
    kind = np.finfo(dtype)
    rng = np.random.default_rng(0)
    special = [
        0.0,
        -0.0,
        0.5,
        -0.5,
        1.5,
        2.5,
        -2.5,
        1.0,
        -1.0,
        3e9,
        -3e9,
        1e20,
        np.inf,
        -np.inf,
        np.nan,
        kind.max,
        kind.tiny,
    ]
    x = np.concatenate([special, rng.uniform(-3, 3, 60), rng.uniform(-90, 90, 40), rng.normal(size=20) * 1e-4])
    return jnp.asarray(x, dtype)


def whole(dtype):
    kind = np.iinfo(dtype)
    special = [0, 1, 2, 3, 7, 31, 33, kind.max, kind.max - 1, kind.min, kind.min + 1]
    return jnp.asarray(np.concatenate([special, np.random.default_rng(1).integers(-50, 50, 60)]).astype(dtype))


def pairs(x):
    """All pairs of some numbers."""
    x = x[:: max(1, len(x) // 40)]
    return jnp.repeat(x, len(x)), jnp.tile(x, len(x))


inside = lambda x: jnp.clip(jnp.where(jnp.isnan(x), 0.0, x), -60.0, 60.0)
usual = lambda x: jnp.where(jnp.isfinite(x) & ((jnp.abs(x) > 1e22) | (jnp.abs(x) < 1e-6) & (x != 0.0)), 0.37, x)
UNARY = {
    "abs": lax.abs, "ceil": lax.ceil, "cos": lambda x: lax.cos(inside(x)), "exp": lax.exp, "exp2": lax.exp2,
    "expm1": lax.expm1, "floor": lax.floor, "is_finite": lax.is_finite, "log": lax.log, "log1p": lax.log1p,
    "logistic": lax.logistic, "neg": lax.neg, "rsqrt": lax.rsqrt, "sign": lax.sign, "sin": lambda x: lax.sin(inside(x)),
    # Of JAX 0.11.
    "log2": getattr(lax, "log2", lax.log), "one_minus_square": getattr(lax, "one_minus_square", lax.square),
    "sqrt": lax.sqrt, "square": lax.square, "tanh": lax.tanh, "erf_inv": lambda x: lax.erf_inv(x / 90.0),
    "integer_pow": lambda x: (lax.integer_pow(x, 3), lax.integer_pow(x, -2)),
    "round": lambda x: (lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), lax.round(x)),
    "clamp": lambda x: lax.clamp(jnp.full_like(x, -1.0), x, jnp.full_like(x, 2.0)),
    "neuroeqx_phi1": lambda x: phi1(inside(x)), "neuroeqx_exprel_inverse": lambda x: exprel_inverse(inside(x)),
    "neuroeqx_exprel_inverse_of": lambda x: exprel_inverse(inside(x), jnp.exp(inside(x))),
    "fill": lambda x: (jnp.full_like(x, 2.0), x),
    "convert_element_type": lambda x: (
        x.astype(jnp.int32), x.astype(jnp.uint32), x.astype(bool), x.astype(jnp.float32),
        (x > 0.0).astype(x.dtype), jnp.round(inside(x)).astype(jnp.int32).astype(x.dtype),
    ),
    "bitcast_convert_type": lambda x: lax.bitcast_convert_type(x, jnp.int32 if x.dtype.itemsize == 4 else jnp.int64),
}  # fmt: skip
BINARY = {
    "add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div, "max": lax.max, "min": lax.min, "pow": lax.pow,
    "eq": lax.eq, "ne": lax.ne, "lt": lax.lt, "le": lax.le, "gt": lax.gt, "ge": lax.ge,
    "rem": lambda x, y: lax.rem(usual(x), usual(y)),
    "add_any": lambda x, y: jax.jvp(lambda x: x * x, (x,), (y,)),
    "select_n": lambda x, y: lax.select_n(x > y, x, y),
}  # fmt: skip
WHOLE = {
    "add": lax.add, "mul": lax.mul, "sub": lax.sub, "div": lax.div, "rem": lax.rem, "max": lax.max, "lt": lax.lt,
    "ge": lax.ge, "eq": lax.eq, "and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor,
    "not": lambda x, y: (~x, ~(x > y)), "sign": lambda x, y: lax.sign(x), "integer_pow": lambda x, y: lax.integer_pow(x, 3),
    "shift_left": lax.shift_left, "shift_right_logical": lax.shift_right_logical,
    "shift_right_arithmetic": lax.shift_right_arithmetic,
    "truth": lambda x, y: ((x > 3) & (y > 3), (x > 3) | (y > 3), (x > 3) ^ (y > 3), lax.lt(x > 3, y > 3), (x > 3) == (y > 3)),
    "convert_element_type": lambda x, y: (x.astype(jnp.float32), x.astype(jnp.uint32), x.astype(bool)),
}  # fmt: skip
RANDOM = ("neuroeqx_random_bits", "neuroeqx_threefry_first", "neuroeqx_threefry_second", "erf_inv")


def random(scan, key, v):
    """Noise that is drawn in every step."""
    body = lambda v, i: (0.5 * v + jr.normal(jr.fold_in(key, i), v.shape, v.dtype), jr.uniform(key, v.shape, v.dtype))
    return scan(body, v, jnp.arange(3, dtype=jnp.int32))


def applied(function):
    """A scan of one step that applies a function."""
    return lambda scan, *xs: scan(lambda carry, x: (carry, function(*x)), jnp.int32(0), tuple(x[None] for x in xs))[1]


def primitive(name, kind, dtype):
    """From a scan to its results, and its operands."""
    if kind == "unary":
        return applied(UNARY[name]), (numbers(dtype),)
    if kind == "binary":
        x, y = pairs(numbers(dtype))
        return applied(BINARY[name]), (jnp.abs(x) if name == "pow" else x, y)
    return applied(WHOLE[name]), pairs(whole(dtype))


PRIMITIVES = (
    [(name, "unary", real) for name in UNARY for real in ("float32", "float64")]
    + [(name, "binary", real) for name in BINARY for real in ("float32", "float64")]
    + [(name, "whole", kind) for name in WHOLE for kind in ("int32", "uint32", "int64")]
)
PRIMITIVES = [case for case in PRIMITIVES if case[:3] not in (("sign", "whole", "uint32"),)]


def scan_equations(function, *operands):
    """The equations of fused scans."""
    jaxpr = jax.make_jaxpr(functools.partial(function, fuse.scan))(*operands)
    return [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "neuroeqx_fused_scan"]


def flat(case):
    """A function and its operands with the latter as arrays."""
    function, operands = case
    leaves, tree = jax.tree.flatten(operands)
    return lambda scan, *leaves: function(scan, *tree.unflatten(leaves)), *leaves
