"""Every elementwise primitive of native loops against XLA, for all dtypes and with the numbers at their edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.interpreters import ad
from neuroeqx.fuse import _elementwise, _random, _step, while_loop


REALS, SIGNED, UNSIGNED = ("float32", "float64"), ("int32", "int64"), ("uint32", "uint64")
WHOLE = SIGNED + UNSIGNED
NUMBERS = REALS + WHOLE
EVERY = (*NUMBERS, "bool")


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch, x64):
    monkeypatch.setattr(_step, "_WORTH", 1)


def native(function, *args):
    """`function` in a native loop of one round."""
    result = jax.eval_shape(function, *args)

    def once(*args):
        body = lambda carry: (carry[0] + 1, function(*carry[2]), carry[2])
        return while_loop(lambda carry: carry[0] < 1, body, (jnp.int32(0), jnp.zeros_like(result), args))[1]

    lowered = jax.jit(once).lower(*args)
    assert "neuroeqx_fused_while" in lowered.as_text()
    return np.asarray(lowered.compile()(*args))


def numbers(dtype):
    """At the edges of the dtype, and others; no subnormals."""
    rng = np.random.default_rng(0)
    if dtype == "bool":
        return np.array([False, True, True])
    if dtype in REALS:
        kind = np.finfo(dtype)
        edges = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 1e9, 2.0**31, 2.0**32, 2.0**63, 2.0**64, kind.tiny]
        edges += [2.0**kind.nmant + 1.0, 2.0**31 - 0.5, kind.max, np.inf, np.nan]
        edges += [np.nextafter(np.asarray(0.5, dtype), np.asarray(0, dtype))]
        return np.array([*edges, *[-x for x in edges], *rng.normal(size=8), *rng.normal(size=8) * 1e5]).astype(dtype)
    kind = np.iinfo(dtype)
    edges = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, kind.max, kind.max - 1, kind.min, kind.min + 1]
    edges += [-1, -2, -32] if dtype in SIGNED else [kind.max // 2, kind.max // 2 + 1]
    some = rng.integers(kind.min, kind.max, 8, dtype)
    return np.concatenate([np.array(edges, dtype), some, some >> np.asarray(kind.bits // 2, dtype)])


def operands(*dtypes):
    """All combinations of the numbers of each."""
    return [jnp.asarray(a.ravel()) for a in np.meshgrid(*map(numbers, dtypes), indexing="ij")]


def assert_same(function, *args, rtol=0.0, zeros=True):
    """Equal, NaN and signs of zeros too; or near to it, or without those signs."""
    ours, theirs = native(function, *args), np.asarray(jax.jit(function)(*args))
    assert ours.dtype == theirs.dtype
    if rtol:
        np.testing.assert_allclose(ours, theirs, rtol=rtol)
    else:
        np.testing.assert_array_equal(ours, theirs)
    if ours.dtype.kind == "f":
        number = ~np.isnan(theirs) & (zeros | (theirs != 0))
        np.testing.assert_array_equal(np.signbit(ours)[number], np.signbit(theirs)[number])


# With the dtypes of the operands, which are all the same.
ONE = {
    "neg": (lax.neg, REALS + WHOLE), "abs": (lax.abs, REALS + SIGNED), "sign": (lax.sign, NUMBERS),
    "square": (lax.square, NUMBERS), "sqrt": (lax.sqrt, REALS), "floor": (lax.floor, REALS), "ceil": (lax.ceil, REALS),
    "one_minus_square": (getattr(lax, "one_minus_square", lax.square), NUMBERS),  # of JAX 0.11
    "is_finite": (lax.is_finite, REALS), "not": (lax.bitwise_not, (*WHOLE, "bool")),
}  # fmt: skip
TWO = {
    "add": (lax.add, NUMBERS), "sub": (lax.sub, NUMBERS), "mul": (lax.mul, NUMBERS),
    "add_any": (ad.add_jaxvals_p.bind, NUMBERS), "div": (lax.div, WHOLE), "rem": (lax.rem, NUMBERS),
    "max": (lax.max, EVERY), "min": (lax.min, EVERY), "nextafter": (lax.nextafter, REALS),
    "and": (lax.bitwise_and, (*WHOLE, "bool")), "or": (lax.bitwise_or, (*WHOLE, "bool")),
    "xor": (lax.bitwise_xor, (*WHOLE, "bool")), "eq": (lax.eq, EVERY), "ne": (lax.ne, EVERY), "lt": (lax.lt, EVERY),
    "le": (lax.le, EVERY), "gt": (lax.gt, EVERY), "ge": (lax.ge, EVERY), "shift_left": (lax.shift_left, WHOLE),
    "shift_right_logical": (lax.shift_right_logical, WHOLE),
    "shift_right_arithmetic": (lax.shift_right_arithmetic, WHOLE),
}  # fmt: skip
ELSEWHERE = {
    "div", "rsqrt", "integer_pow", "clamp", "round", "select_n", "convert_element_type", "bitcast_convert_type",
}  # fmt: skip


def test_every_primitive_has_a_test():
    functions = _elementwise.FUNCTIONS  # tests/fuse/test_fuse_functions.py
    own = {name for name in _elementwise.EMITTERS if name.startswith("neuroeqx_")}
    assert _random.EMITTERS is _elementwise.EMITTERS
    assert set(_elementwise.EMITTERS) == {*ONE, *TWO, *ELSEWHERE, *functions, *own}


def cases(table):
    return [(name, dtype) for name, (_, dtypes) in table.items() for dtype in dtypes]


@pytest.mark.parametrize("name, kind", cases(ONE))
def test_of_one(name, kind):
    assert_same(ONE[name][0], *operands(kind))


@pytest.mark.parametrize("name, kind", cases(TWO))
def test_of_two(name, kind):
    # Of a zero and a negative zero native code takes the second as the larger and as the smaller one.
    assert_same(TWO[name][0], *operands(kind, kind), zeros=name not in ("max", "min"))


@pytest.mark.parametrize("kind", REALS)
def test_quotients_and_powers(kind):
    """Quotients are of an approximate inverse, and XLA multiplies powers in an order of its own."""
    near = 2.0 * float(np.finfo(kind).eps)
    assert_same(lax.div, *operands(kind, kind), rtol=near)
    assert_same(lax.rsqrt, *operands(kind), rtol=near)
    for power in (-7, -3, -2, -1, 1, 2, 3, 4, 9):
        assert_same(lambda x, power=power: lax.integer_pow(x, power), *operands(kind), rtol=abs(power) * near)


@pytest.mark.parametrize("kind", WHOLE)
def test_powers_of_integers(kind):
    for power in (1, 2, 3, 7):
        assert_same(lambda x, power=power: lax.integer_pow(x, power), *operands(kind))


@pytest.mark.parametrize("kind", NUMBERS)
def test_clamp(kind):
    every = numbers(kind)
    some = jnp.asarray(every[::3])
    low, x, high = (a.ravel() for a in jnp.meshgrid(some, jnp.asarray(every), some, indexing="ij"))
    assert_same(lax.clamp, low, x, high, zeros=False)


@pytest.mark.parametrize("kind", REALS)
@pytest.mark.parametrize("method", lax.RoundingMethod)
def test_round(kind, method):
    assert_same(lambda x: lax.round(x, method), *operands(kind))


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("which", ["bool", "int32"])
def test_select(which, kind):
    a, b = operands(kind, kind)
    choice = jnp.arange(a.size) % 3 % 2
    choice = choice == 1 if which == "bool" else choice.astype(which)
    assert_same(lax.select_n, choice, a, b)
    assert_same(lambda which, a: lax.select_n(which, a), choice, a)


@pytest.mark.parametrize("source, target", [(a, b) for a in EVERY for b in EVERY if a != b])
def test_convert(source, target):
    assert_same(lambda x: lax.convert_element_type(x, target), jnp.repeat(operands(source)[0], 7))


@pytest.mark.parametrize("source, target", [
    (a, b) for a in NUMBERS for b in NUMBERS if a != b and np.dtype(a).itemsize == np.dtype(b).itemsize
])  # fmt: skip
def test_bitcast(source, target):
    [x] = operands(source)
    back = lambda x: lax.bitcast_convert_type(lax.bitcast_convert_type(x, target), source)
    bits = lambda x: np.asarray(x).view(f"uint{8 * np.dtype(source).itemsize}")
    np.testing.assert_array_equal(bits(native(lambda x: lax.bitcast_convert_type(x, target), x)), bits(x))
    np.testing.assert_array_equal(bits(native(back, x)), bits(x))
