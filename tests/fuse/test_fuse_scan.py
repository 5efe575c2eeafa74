"""Scans of elementwise bodies in one native call against `jax.lax.scan`."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx import _loop, fuse
from neuroeqx._math import exprel_inverse, phi1


STEPS = 23
RTOL = {"float32": 2e-6, "float64": 1e-14}


def drive(shape, dtype, low=0.0, high=4.0):
    return jnp.asarray(np.random.default_rng(0).uniform(low, high, (STEPS, *shape)), dtype)


def is_fused(function, *operands):
    """Whether the whole program has a native scan, and no loop of XLA's."""
    text = jax.jit(function).lower(*operands).as_text()
    return "neuroeqx_fused_scan" in text and "stablehlo.while" not in text


def same(function, *operands, rtol, atol=0.0, fused=True):
    """`function` takes a scan; with ours it gives what it gives with that of JAX. Returns the results."""
    ours, theirs = functools.partial(function, fuse.scan), functools.partial(function, lax.scan)
    assert is_fused(ours, *operands) == fused
    a, b = jax.jit(ours)(*operands), jax.jit(theirs)(*operands)
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert (x.shape, x.dtype, x.weak_type) == (y.shape, y.dtype, y.weak_type)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)
    return a


def lif(carry, x, decay=0.9):
    """Leaky integration with a reset; counts of spikes and of steps."""
    v, total, i = carry
    v = decay * v + 0.1 * x
    spike = (v > 1.0).astype(v.dtype)
    return (v - spike * v, total + spike.astype(jnp.int32), i + 1), (spike, v, i)


def begin(shape, dtype):
    return jnp.zeros(shape, dtype), jnp.zeros(shape, jnp.int32), jnp.zeros((), jnp.int32)


# Whole vectors in groups of four, those alone, the rest; one number; several axes.
@pytest.mark.parametrize("shape", [(1,), (5,), (16,), (77,), (301,), (5, 7), (1, 3, 1), (1, 1), (2048,)], ids=str)
def test_sizes_and_shapes(shape, dtype):
    function = lambda scan, carry, xs: scan(lif, carry, xs)
    (_, total, steps), _ = same(function, begin(shape, dtype), drive(shape, dtype), rtol=RTOL[dtype], atol=1e-6)
    assert int(steps) == STEPS and total.sum() > 0


# A block of vectors; one that is not whole, and a rest; several. In float64 there are twice as many.
@pytest.mark.parametrize(("lanes", "reverse"), [(128, False), (333, True), (1100, True)])
def test_blocks(dtype, lanes, reverse):
    """Constants that differ between lanes, what is computed from them once, and single numbers that change."""
    rates = jnp.asarray(np.random.default_rng(1).uniform(2.0, 9.0, lanes), dtype)

    def function(scan, rates, carry, xs):
        def body(carry, x):
            v, i = carry
            fade, gain = jnp.exp(-1.0 / rates), jnp.where(rates > 5.0, jnp.sqrt(rates), 0.5)
            v = fade * v + gain * (x - 0.1 * v) / rates + 0.01 * i.astype(v.dtype)
            return (jnp.where(v > 1.0, v - 1.0, v), i + 1), (v, v > 1.0)

        return scan(body, carry, xs, reverse=reverse)

    carry = jnp.linspace(0.0, 1.0, lanes, dtype=dtype), jnp.zeros((), jnp.int32)
    same(function, rates, carry, drive((lanes,), dtype, high=1.0), rtol=10 * RTOL[dtype], atol=10 * RTOL[dtype])


# Many vectors and a rest, few vectors and a rest.
@pytest.mark.parametrize("lanes", [683, 59])
def test_cells_with_much_to_compute(dtype, lanes):
    rates = jnp.asarray(np.random.default_rng(1).uniform(2.0, 9.0, lanes), dtype)

    def function(scan, rates, carry, xs):
        def body(carry, x):
            v, m, i = carry
            terms = [jnp.exp(-jnp.abs(v - 0.1 * k)) / (1.0 + jnp.exp(k * m - x)) for k in range(1, 6)]
            m = m + (sum(terms) - m) / rates
            return (0.9 * v + phi1(-m) * x - 0.01 * i.astype(v.dtype) * v, m, i + 1), (v, m)

        return scan(body, carry, xs, reverse=True)

    carry = jnp.linspace(0.0, 1.0, lanes, dtype=dtype), jnp.zeros(lanes, dtype), jnp.zeros((), jnp.int32)
    same(function, rates, carry, drive((lanes,), dtype, high=1.0), rtol=20 * RTOL[dtype], atol=20 * RTOL[dtype])


def test_results_of_many_pages():
    """More than 4 MB of each, from addresses that are none of large pages."""
    body = lambda x, _: (x + 0.25, (x, x > 500.0, -x))
    same(lambda scan, x: scan(body, x, None, 5001), jnp.arange(301.0), rtol=0.0)


def test_blocks_of_members_with_constants_of_their_own(dtype):
    """What is computed from them once is kept for all steps."""
    rates = jnp.asarray(np.random.default_rng(1).uniform(2.0, 9.0, 20), dtype)

    def function(scan, rates, xs):
        def total(rate, xs):
            body = lambda v, x: (v + (x - v * v) * (1.0 - jnp.exp(-1.0 / rate)), v)
            return jnp.sum(scan(body, jnp.zeros(19, dtype), xs)[1] ** 2)

        return jax.vmap(jax.grad(total, 1))(rates, xs)

    same(
        function,
        rates,
        jnp.moveaxis(drive((20, 19), dtype, high=1.0), 0, 1),
        rtol=10 * RTOL[dtype],
        atol=10 * RTOL[dtype],
    )


def test_one_step_and_no_step(dtype):
    for length in (1, 0):
        xs = drive((40,), dtype)[:length]
        function = lambda scan, carry, xs: scan(lif, carry, xs)
        same(function, begin((40,), dtype), xs, rtol=RTOL[dtype], fused=length > 0)


def test_no_lanes(dtype):
    function = lambda scan, carry, xs: scan(lif, carry, xs)
    same(function, begin((0,), dtype), drive((0,), dtype), rtol=0.0, fused=False)


def test_shapes_of_one_size(dtype):
    """The carry in one shape, what is given in another, the outputs in a third."""

    def body(v, x):
        v = 0.5 * v + x.reshape(6, 4)
        return v, v.reshape(2, 3, 4)

    same(lambda scan, v, xs: scan(body, v, xs), jnp.ones((6, 4), dtype), drive((24,), dtype), rtol=RTOL[dtype])


def test_without_inputs_and_without_outputs(dtype):
    function = lambda scan, v: scan(lambda v, _: (jnp.sin(v) + 0.5, None), v, length=STEPS)
    same(function, jnp.linspace(0.0, 3.0, 50, dtype=dtype), rtol=RTOL[dtype])


def test_constants_of_each_cell(dtype):
    """Arrays, single numbers and arrays of one number that the body closes over; what depends on them alone is hoisted."""
    tau, rest = jnp.linspace(5.0, 20.0, 70, dtype=dtype), jnp.full((1,), 0.3, dtype)

    def function(scan, tau, rest, gain, v, xs):
        def body(v, x):
            v = v + (gain * x - v + rest) / (tau * 2.0)
            return v, v * jnp.exp(-1.0 / tau) / gain

        return scan(body, v, xs)

    operands = tau, rest, jnp.asarray(1.3, dtype), jnp.zeros(70, dtype), drive((70,), dtype)
    same(function, *operands, rtol=4 * RTOL[dtype])


def test_single_numbers(dtype):
    """Time as a count, a phase and its sine: once a step, for all lanes; and given for each step."""

    def body(carry, x):
        v, i, phase = carry
        own, shared, flag = x
        phase = phase + jnp.asarray(0.1, dtype)
        t = i.astype(dtype) * 0.1
        v = 0.9 * v + own + jnp.where(flag, shared * jnp.sin(phase), t)
        return (v, i + 1, phase), (v > 1.0, t, phase * shared)

    given = drive((33,), dtype), drive((), dtype), jnp.arange(STEPS) % 3 == 0
    carry = jnp.zeros(33, dtype), jnp.int32(7), jnp.zeros((), dtype)
    same(lambda scan, carry, xs: scan(body, carry, xs), carry, given, rtol=4 * RTOL[dtype], atol=1e-6)


def test_single_numbers_alone(dtype):
    function = lambda scan, v, xs: scan(lambda v, x: (0.5 * v + x, v * v), v, xs)
    same(function, jnp.zeros((), dtype), drive((), dtype), rtol=RTOL[dtype])


def test_whole_numbers_and_truth_values(dtype):
    def body(carry, x):
        left, fired, words = carry
        fired = (x > 2.0) & (left == 0)
        left = jnp.where(fired, 5, jnp.maximum(left - 1, 0))
        words = (words << 1) ^ left.astype(jnp.uint32)
        return (left, fired, words), (fired, left % 3, ~fired)

    carry = jnp.zeros(45, jnp.int32), jnp.zeros(45, bool), jnp.ones(45, jnp.uint32)
    same(lambda scan, carry, xs: scan(body, carry, xs), carry, drive((45,), dtype), rtol=0.0)


def test_parts_of_the_carry_that_change_places(dtype):
    def body(carry, x):
        a, b, c, kept, zero = carry
        return (b, a + x, jnp.ones_like(c), kept, a * 0.0), (a, kept)

    carry = tuple(jnp.full(19, k, dtype) for k in range(5))
    a = same(lambda scan, carry, xs: scan(body, carry, xs), carry, drive((19,), dtype), rtol=RTOL[dtype])
    np.testing.assert_array_equal(a[0][3], carry[3])


def test_weak_types():
    same(lambda scan, xs: scan(lambda v, x: (v * 0.5 + x, v), 0.0, xs), drive((), "float32"), rtol=2e-6)


def test_functions(dtype):
    """Functions with code of their own, and derivatives of the user's own, which only count where they are taken."""

    @jax.custom_jvp
    def step(v):
        return (v > 0.5).astype(v.dtype)

    step.defjvp(lambda primals, tangents: (step(*primals), tangents[0]))

    def body(v, x):
        v = 0.3 * v + phi1(-x) + exprel_inverse(x - 2.0) - jnp.tanh(v) + jax.nn.sigmoid(x) - jnp.log1p(x)
        return v, step(v)

    same(
        lambda scan, v, xs: scan(body, v, xs),
        jnp.zeros(50, dtype),
        drive((50,), dtype),
        rtol=20 * RTOL[dtype],
        atol=2e-6,
    )


@pytest.mark.parametrize("places", ["array", "one of each member"])
def test_random_numbers(places, dtype):
    """Drawn in registers as JAX draws them; in a batch by the place of a lane in its own member."""

    def function(scan, keys):
        def run(key):
            body = lambda v, i: (0.9 * v + jr.normal(jr.fold_in(key, i), (21,), dtype), None)
            return scan(body, jnp.zeros(21, dtype), jnp.arange(STEPS, dtype=jnp.int32))[0]

        return run(keys) if places == "array" else jax.vmap(run)(keys)

    keys = jr.key(0) if places == "array" else jr.split(jr.key(1), 3)
    same(function, keys, rtol=20 * RTOL[dtype], atol=4e-6 if dtype == "float32" else 1e-14)


# Batches


def family(scan, tau, scale, shift, v, xs):
    """Arrays and single numbers among constants, carry and inputs."""

    def body(carry, x):
        v, i = carry
        own, shared = x
        v = v + (own * scale - v) / tau + shared * shift
        return (v, i + 1), (v > 1.0, i, scale * shared)

    return scan(body, (v, jnp.int32(0)), xs)


BATCHES = {
    "all": (0, 0, 0, 0, (1, 1)),
    "carry": (None, None, None, 1, (None, None)),
    "a constant of one number": (None, 0, None, None, (None, None)),
    "a constant": (0, None, None, None, (None, None)),
    "what is given": (None, None, None, None, (2, None)),
    "a number that is given": (None, None, None, None, (None, 0)),
    "numbers that only make numbers": (None, None, None, None, (None, 1)),
}


@pytest.mark.parametrize("case", BATCHES)
@pytest.mark.parametrize("lanes", [1, 13])
def test_batches(case, lanes, dtype):
    axes, members = BATCHES[case], 4
    put = lambda x, axis: x if axis is None else jnp.stack([x * (1.0 + 0.1 * k) for k in range(members)], axis)
    operands = [
        jnp.linspace(5.0, 20.0, lanes, dtype=dtype), jnp.asarray(1.5, dtype), jnp.asarray(0.01, dtype),
        jnp.zeros(lanes, dtype) + 0.1, (drive((lanes,), dtype), drive((), dtype)),
    ]  # fmt: skip
    operands = [
        tuple(map(put, x, axis)) if isinstance(x, tuple) else put(x, axis)
        for x, axis in zip(operands, axes, strict=True)
    ]
    same(
        lambda scan, *operands: jax.vmap(functools.partial(family, scan), axes)(*operands),
        *operands,
        rtol=8 * RTOL[dtype],
    )


def test_batches_of_batches(dtype):
    """Of which the outer one has its own constants, and the inner one its own inputs."""

    def function(scan, tau, scale, xs):
        own = lambda tau, scale, xs: family(
            scan, tau, scale, jnp.asarray(0.01, dtype), jnp.zeros(6, dtype), (xs, xs[:, 0])
        )
        return jax.vmap(jax.vmap(own, (None, None, 2)), (0, 0, None))(tau, scale, xs)

    operands = jnp.linspace(5.0, 9.0, 18, dtype=dtype).reshape(3, 6), jnp.ones(3, dtype), drive((6, 5), dtype)
    same(function, *operands, rtol=8 * RTOL[dtype])


# Derivatives


def loss(scan, v, decay, xs):
    """Of a membrane with a surrogate."""
    surrogate = nex.SuperSpike()

    def body(v, x):
        v = decay * v + 0.3 * x
        spike = surrogate(v - 1.0)
        return v - spike * v, spike

    v, spikes = scan(body, v, xs)
    return jnp.sum(v**2) + jnp.sum(jnp.cos(spikes) * v[None])


@pytest.mark.parametrize("how", ["grad", "jvp", "grad of vmap", "vmap of grad"])
def test_derivatives(how, dtype):
    v, decay, xs = jnp.full(9, 0.1, dtype), jnp.linspace(0.8, 0.95, 9, dtype=dtype), drive((9,), dtype)

    def function(scan, v, decay, xs):
        own = functools.partial(loss, scan)
        if how == "jvp":
            return jax.jvp(own, (v, decay, xs), (v, decay, xs))
        if how == "grad":
            return jax.grad(own, argnums=(0, 1, 2))(v, decay, xs)
        many = jnp.stack([v, v + 0.1, v + 0.2])
        if how == "vmap of grad":
            return jax.vmap(jax.grad(own, argnums=(0, 1)), (0, None, None))(many, decay, xs)
        return jax.grad(lambda *operands: jnp.sum(jax.vmap(own, (0, None, None))(*operands)), argnums=(0, 1, 2))(
            many, decay, xs
        )

    tolerance = 1e-5 if dtype == "float32" else 1e-10
    result = same(function, v, decay, xs, rtol=tolerance, atol=tolerance)
    assert all(np.abs(x).max() > 1e-3 for x in jax.tree.leaves(result))


def test_a_derivative_beside_whole_numbers(x64):
    def function(scan, v):
        (v, i), ys = scan(lambda c, x: ((c[0] * x, c[1] + 1), (c[1], c[0])), (v, jnp.int32(0)), drive((8,), "float64"))
        return jnp.sum(v) + jnp.sum(ys[1]) * i.astype(float)

    grads = [jax.grad(functools.partial(function, scan))(jnp.ones(8)) for scan in (fuse.scan, lax.scan)]
    np.testing.assert_allclose(*grads, rtol=1e-10)


def test_leaks(no_leaks):
    xs = drive((12,), "float32")
    with no_leaks():
        run = lambda v, gain: fuse.scan(lambda v, x: (0.5 * v + gain * x, v), v, xs)[1].sum()
        jax.jit(jax.vmap(run, (0, None)))(jnp.ones((2, 12)), jnp.float32(2.0))
        jax.jit(jax.grad(run))(jnp.ones(12), jnp.float32(2.0))


def test_outside_of_transformations():
    xs = drive((12,), "float32")
    ours, theirs = (scan(lif, begin((12,), "float32"), xs) for scan in (fuse.scan, lax.scan))
    for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-6)


def test_two_threads():
    """Enough work for the second half of the lanes to be offered to another thread."""
    shape = (40_001,)
    carry, xs = begin(shape, jnp.float32), drive(shape, jnp.float32)
    same(lambda scan, carry, xs: scan(lif, carry, xs), carry, xs, rtol=2e-6, atol=1e-6)


# What stays in XLA


def product(v, x):
    return jnp.tanh(jnp.ones((8, 8)) @ v) + x, None


def mean(v, x):
    return 0.5 * v + x - jnp.mean(v), None


def part(v, x):
    return v.at[:4].add(1.0) + x, v[:4]


def turned(v, x):
    return jnp.roll(v, 1) + x, None


def printed(v, x):
    jax.debug.callback(lambda _: None, v)
    return v + x, None


def transposed(v, x):
    v = v.reshape(2, 4).T.reshape(8)
    return v + x, None


def branch(v, x):
    return lax.cond(x[0] > 1.0, lambda v: v, lambda v: -v, v), None


@pytest.mark.parametrize("body", [product, mean, part, turned, printed, transposed, branch], ids=lambda f: f.__name__)
def test_fall_back(body):
    same(lambda scan, v, xs: scan(body, v, xs), jnp.ones(8), drive((8,), "float32"), rtol=1e-6, fused=False)


def test_two_sizes():
    body = lambda carry, x: ((carry[0] + x, carry[1] * 2.0), None)
    same(
        lambda scan, c, xs: scan(body, c, xs),
        (jnp.ones(8), jnp.ones(3)),
        drive((8,), "float32"),
        rtol=1e-6,
        fused=False,
    )


def test_half_precision():
    body = lambda v, x: (v * 0.5 + x, None)
    same(
        lambda scan, v, xs: scan(body, v, xs),
        jnp.ones(8, jnp.bfloat16),
        drive((8,), jnp.bfloat16),
        rtol=1e-6,
        fused=False,
    )


def test_errors_are_those_of_jax():
    with pytest.raises(TypeError, match="carry"):
        fuse.scan(lambda v, x: (v > x, None), jnp.ones(8), drive((8,), "float32"))
    with pytest.raises(ValueError, match="length"):
        fuse.scan(lambda v, x: (v, None), jnp.ones(8), drive((8,), "float32"), length=3)


# Simulations inside of transformations

LIF = functools.partial(nex.LIF, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
CELLS = {
    "Euler": lambda: LIF(stepper=nex.Euler()),
    "ExpEuler": lambda: nex.Refractory(LIF(tau=np.linspace(10.0, 30.0, 37)), 5.0),
    "TraubMiles": nex.TraubMiles,
}


def simulated(cell, fused, drive, state=None):
    population = nex.Population(cell, 37)
    record = {"v": nex.voltage(every=5), "z": nex.output()}
    return nex.simulate(population, 10.0, 0.1, drive, record=record, state=state, fused=fused)


@pytest.mark.parametrize("name", CELLS)
def test_simulate(name, x64, monkeypatch):
    monkeypatch.setattr(
        _loop, "either", lambda meaning, native, operands: meaning(operands)
    )  # as where it is not chosen
    cell, current = CELLS[name](), 600.0 if name == "TraubMiles" else 25.0
    drive = nex.Samples(jnp.asarray(np.random.default_rng(0).uniform(0.5, 1.0, (100, 37)) * current))

    def run(fused):
        return jax.jit(lambda drive: jax.tree.leaves(simulated(cell, fused, drive).records))

    text = jax.jit(lambda d: jax.tree.leaves(simulated(cell, True, d).records)).lower(drive).as_text("hlo")
    assert "neuroeqx_fused_scan" in text and " while(" not in text
    for x, y in zip(run(True)(drive), run(False)(drive), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9)


def test_spikes_as_lists_stay_in_xla():
    """They are no arrays of lanes."""
    run = lambda: nex.simulate(nex.Population(LIF(), 7), 1.0, 0.1, 30.0, record={"s": nex.spikes()}).records["s"].count
    jaxpr = str(jax.make_jaxpr(run)())
    assert "neuroeqx_fused_scan" not in jaxpr and " scan[" in jaxpr


def test_gradients_of_simulate(x64):
    def loss(cell, fused):
        return jnp.sum(simulated(cell, fused, nex.Samples(jnp.full((100, 37), 30.0))).records["z"].values)

    grads = [eqx.filter_grad(loss)(LIF(), fused) for fused in (True, False)]
    assert abs(grads[1].tau) > 1e-6
    for x, y in zip(*map(jax.tree.leaves, grads), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10)
