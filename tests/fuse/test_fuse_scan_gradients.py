"""Derivatives of scans of elementwise bodies against those of `jax.lax.scan`, and that they are native too."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from laws.table import CELLS, STEPPERS, SURROGATES
from neuroeqx import fuse
from neuroeqx._math import exprel_inverse, phi1
from neuroeqx.fuse._scan import scan_p
from thorough import all_but


STEPS = 7


def numbers(shape, dtype, low=0.0, high=1.0, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(low, high, shape), dtype)


def tolerance(dtype):
    return 1e-5 if dtype == "float32" else 1e-10


def fused_scans(jaxpr):
    """All loops in a jaxpr; fused ones by what they do, others by their names."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive is scan_p:
            found.append(eqn.params["loop"])
        else:
            found += [eqn.primitive.name] if eqn.primitive.name in ("scan", "while") else []
            for x in jax.tree.leaves(eqn.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
                inner = getattr(x, "jaxpr", x)
                found += fused_scans(inner) if hasattr(inner, "eqns") else []
    return found


def unrolled(body, carry, xs):
    """`lax.scan` without a loop."""
    outputs = []
    for k in range(len(jax.tree.leaves(xs)[0])):
        carry, out = body(carry, jax.tree.map(lambda x, k=k: x[k], xs))
        outputs.append(out)
    return carry, jax.tree.map(lambda *x: jnp.stack(x), *outputs)


def same(function, *operands, dtype, native=True, truth=lax.scan):
    """`function` takes a scan. Each result relative to the largest number in it."""
    ours, theirs = functools.partial(function, fuse.scan), functools.partial(function, truth)
    lowered = jax.jit(ours).lower(*operands)
    text = lowered.as_text()
    assert ("neuroeqx_fused_scan" in text and "stablehlo.while" not in text) == native
    a, b = lowered.compile()(*operands), jax.jit(theirs)(*operands)
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=0.0, atol=tolerance(dtype) * float(jnp.max(jnp.abs(y))))
    return a


# Cells


def adex(cell, state, current):
    """A user's own."""
    (v, w), a = state, cell
    slope = 2.0 * jnp.exp(jnp.minimum((v + 50.0) / 2.0, 8.0))
    v, w = v + 0.1 * (-65.0 - v + slope + current - w) / 20.0, w + 0.1 * (a * (v + 65.0) - w) / 100.0
    fired = nex.SuperSpike(1.0)(v + 40.0)
    return (v - fired * (v + 60.0), w + 3.0 * fired), fired


def run(scan, cell, state, currents, dt):
    """All that a cell does, weighted; slowly enough in voltages that their rounding does not show."""
    step = lambda state, x: adex(cell, state, x)
    if not isinstance(cell, jax.Array):
        step = lambda state, x: cell.step(state, lambda v: x, dt=dt, t=0.0)
    state, outputs = scan(step, state, currents)
    real = [x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.inexact)]
    weights = jnp.linspace(0.5, 1.5, outputs.size, dtype=outputs.dtype).reshape(outputs.shape)
    return jnp.sum(weights * outputs) + sum(jnp.sum(jnp.sin(x / 30.0)) for x in real)


def gradients(cell, state, currents, dt=0.1):
    """As a function of a scan and those: by parameters, state and drive, together."""
    parameters, static = eqx.partition((cell, state), eqx.is_inexact_array)

    def function(scan, parameters, currents):
        own = lambda parameters, currents: run(scan, *eqx.combine(parameters, static), currents, dt)
        return jax.grad(own, argnums=(0, 1))(parameters, currents)

    return function, parameters, currents


CHOSEN = (
    "LIF", "LIF soft", "LIF Heun", "Leaky", "Graded", "TraubMiles", "Refractory", "Every", "Substeps", "Izhikevich",
)  # fmt: skip
IN_XLA = ("Every",)  # whose steps are not elementwise alone
CASES = {name: CELLS[name] for name in CHOSEN}
for _name in ("Euler", "Exact", "RK4"):
    CASES[f"LIF {_name}"] = functools.partial(nex.LIF, stepper=STEPPERS[_name]), 1.5
for _name in ("Sigmoid", "PiecewiseLinear"):
    CASES[f"LIF {_name}"] = functools.partial(lambda kind: nex.LIF(surrogate=kind()), type(SURROGATES[_name])), 1.5


SINGLE = "LIF", "LIF Heun", "Graded", "TraubMiles", "Refractory", "Izhikevich"
PRECISIONS = [(name, dtype) for dtype in ("float32", "float64") for name in (CASES if dtype == "float64" else SINGLE)]


USUAL = [(name, "float64") for name in ("LIF", "LIF soft", "Refractory", "TraubMiles", "Every")] + [("LIF", "float32")]


@pytest.mark.parametrize("name, dtype", all_but(PRECISIONS, USUAL), indirect=["dtype"])
def test_cells(name, dtype):
    make, current = CASES[name]
    cell = make()
    currents = numbers((STEPS, 37), dtype, 0.5, 3.0) * current
    dt = 0.05 if current > 100 else 2.0  # most fire
    function, *operands = gradients(cell, cell.init((37,)), currents, dt)
    result = same(function, *operands, dtype=dtype, native=name not in IN_XLA)
    assert max(float(jnp.max(jnp.abs(x))) for x in jax.tree.leaves(result)) > 1e-3


EVERY = [name for name, (make, _) in CELLS.items() if isinstance(make(), nex.AbstractNeuron | nex.AbstractGradedCell)]


@pytest.mark.parametrize("name", all_but((name for name in EVERY if name not in SINGLE), ("Izhikevich2007", "GIF")))
def test_every_cell_in_single_precision(name):
    """In steps of 0.1 ms. In steps of 2 ms some are unstable, and rounding grows in either form."""
    make, current = CELLS[name]
    cell = make()
    currents = numbers((STEPS, 37), "float32", 0.5, 3.0) * current
    same(*gradients(cell, cell.init((37,)), currents), dtype="float32")


def test_a_users_cell(dtype):
    state = numbers(37, dtype, -55.0, -46.0), jnp.zeros(37, dtype)
    same(*gradients(jnp.asarray(0.1, dtype), state, numbers((STEPS, 37), dtype, 0.0, 30.0)), dtype=dtype)


@pytest.mark.parametrize("each", [False, True], ids=["one number", "one for each"])
def test_parameters(each, dtype):
    """One of them for all cells, or one for each, beside one number for each step; in an array of several axes."""
    shape = (5, 7)

    def function(scan, tau, gain, v, xs, shared):
        def loss(tau, gain, v, xs, shared):
            def body(carry, x):
                v, phase, i = carry
                own, now = x
                phase = phase * 0.9 + now
                v = v + (gain * own - v + jnp.sin(phase)) / tau
                spike = nex.SuperSpike(3.0)(v - 0.6)
                return (v * (1.0 - spike), phase, i + 1), (spike, phase * gain.reshape(-1)[0], i)

            (v, phase, _), (spikes, phases, _) = scan(body, (v, jnp.zeros((), dtype), jnp.int32(0)), (xs, shared))
            return jnp.sum(jnp.cos(v)) + phase**2 + jnp.sum(spikes * xs) + jnp.sum(phases**2)

        return jax.grad(loss, argnums=range(5))(tau, gain, v, xs, shared)

    tau = numbers(shape, dtype, 3.0, 6.0) if each else jnp.asarray(4.0, dtype)
    gain = numbers((1, 1), dtype, 1.0, 2.0)
    v, xs = numbers(shape, dtype), numbers((STEPS, *shape), dtype, 0.0, 3.0)
    result = same(function, tau, gain, v, xs, numbers((STEPS,), dtype), dtype=dtype)
    assert all(np.abs(x).max() > 1e-3 for x in result)


# Functions, transformations


def loss(scan, v, decay, xs):
    """Of a membrane with a surrogate, counts, and functions with native code of their own."""
    surrogate = nex.SuperSpike(2.0)

    def body(carry, x):
        v, i = carry
        v = decay * v + 0.3 * x * phi1(-1.0 - v) + 0.1 * exprel_inverse(v + 2.0)
        spike = surrogate(v - 1.0)
        return (v - spike * lax.stop_gradient(v), i + 1), (spike, v)

    (v, _), (spikes, vs) = scan(body, (v, jnp.int32(0)), xs)
    return jnp.sum(v**2) + jnp.sum(jnp.cos(vs) * spikes)


def operands(dtype, n=9):
    return numbers((n,), dtype), numbers((n,), dtype, 0.7, 0.95, 1), numbers((STEPS, n), dtype, 0.0, 4.0, 2)


def squares(own):
    return lambda *xs: jnp.sum(jax.grad(own, argnums=1)(*xs) ** 2)


HOW = {
    "grad": lambda own: jax.grad(own, argnums=(0, 1, 2)),
    "jvp": lambda own: lambda *xs: jax.jvp(own, xs, xs),
    "linearize": lambda own: lambda *xs: jax.linearize(own, *xs)[1](*xs),
    "forward over reverse": lambda own: jax.hessian(own, argnums=1),
    "reverse over reverse": lambda own: jax.jacrev(jax.grad(own, argnums=1), argnums=(0, 1)),
    "reverse over forward": lambda own: jax.grad(lambda *xs: jax.jvp(own, xs, xs)[1], argnums=(0, 1, 2)),
    "third": lambda own: jax.grad(lambda *xs: squares(squares(own))(*xs), argnums=(0, 1)),
    "checkpoint": lambda own: jax.grad(jax.checkpoint(own), argnums=(0, 1, 2)),
    "checkpoint that keeps": lambda own: jax.grad(
        jax.checkpoint(own, policy=jax.checkpoint_policies.everything_saveable), argnums=(0, 1, 2)
    ),
    "checkpoint, twice": lambda own: jax.hessian(jax.checkpoint(own), argnums=1),
    "jit within": lambda own: jax.grad(jax.jit(own), argnums=(0, 1, 2)),
}


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
@pytest.mark.parametrize(
    "how", all_but(HOW, [how for how in HOW if how not in ("third", "checkpoint, twice", "reverse over forward")])
)
def test_orders_and_modes(how, dtype):
    """Against steps without a loop: the second derivatives of `lax.scan` lack those of surrogates on the way back."""
    function = lambda scan, *xs: HOW[how](functools.partial(loss, scan))(*xs)
    v, decay, xs = operands(dtype)
    result = same(function, v, decay, xs[: 2 if how == "third" else 4], dtype=dtype, truth=unrolled)
    assert all(np.abs(x).max() > 1e-3 for x in jax.tree.leaves(result))


BATCHES = {
    "drives": (None, None, 0), "parameters": (None, 0, None), "states": (1, None, None), "all": (0, 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
@pytest.mark.parametrize("order", ["grad of vmap", "vmap of grad", "jvp of vmap"])
@pytest.mark.parametrize("case", BATCHES)
def test_batches(case, order, dtype):
    axes = BATCHES[case]
    put = lambda x, axis: x if axis is None else jnp.stack([x * (1.0 + 0.05 * k) for k in range(4)], axis)
    given = [put(x, axis) for x, axis in zip(operands(dtype), axes, strict=True)]

    def function(scan, *xs):
        own = functools.partial(loss, scan)
        if order == "vmap of grad":
            return jax.vmap(jax.grad(own, argnums=(0, 1, 2)), axes)(*xs)
        total = lambda *xs: jnp.sum(jax.vmap(own, axes)(*xs) ** 2)
        return jax.jvp(total, xs, xs) if order == "jvp of vmap" else jax.grad(total, argnums=(0, 1, 2))(*xs)

    same(function, *given, dtype=dtype)


def test_one_cell(dtype):
    same(lambda scan, *xs: HOW["grad"](functools.partial(loss, scan))(*xs), *operands(dtype, 1), dtype=dtype)


def test_a_layer_in_a_loop(dtype):
    """The loop around it is of XLA, and keeps what the scan needs for each of its rounds."""

    def function(scan, v, decay, xs):
        def total(v, decay):
            one = lambda v, _: (scan(lambda v, x: (decay * v + jnp.sin(v) * x / 9, None), v, xs)[0], None)
            return jnp.sum(lax.scan(one, v, None, 3)[0])

        return jax.grad(total, argnums=(0, 1))(v, decay)

    ours, theirs = (jax.jit(functools.partial(function, scan))(*operands(dtype)) for scan in (fuse.scan, lax.scan))
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance(dtype))
    loops = fused_scans(jax.make_jaxpr(functools.partial(function, fuse.scan))(*operands(dtype)).jaxpr)
    assert [isinstance(loop, str) or loop.reverse for loop in loops] == [True, False, True, True]


def test_noise(dtype):
    """Drawn again on the way back, the same numbers."""

    def function(scan, gain, key):
        def total(gain):
            body = lambda v, i: (0.9 * v + gain * jnp.sin(v) * jr.normal(jr.fold_in(key, i), (3, 7), dtype), v)
            return jnp.sum(scan(body, jnp.ones((3, 7), dtype), jnp.arange(STEPS, dtype=jnp.int32))[1] ** 2)

        return jax.grad(total)(gain)

    same(function, jnp.asarray(0.3, dtype), jr.key(0), dtype=dtype)
    many = lambda scan, gains, keys: jax.vmap(functools.partial(function, scan))(gains, keys)
    same(many, jnp.asarray([0.3, 0.4], dtype), jr.split(jr.key(1)), dtype=dtype)


def test_backwards(dtype):
    def function(scan, v, decay, xs):
        def total(v, decay, xs):
            v, ys = scan(lambda v, x: (decay * v + jnp.sin(x), v * x), v, xs, reverse=True)
            return jnp.sum(v) + jnp.sum(ys * jnp.arange(STEPS, dtype=dtype)[:, None])

        return total(v, decay, xs), jax.grad(total, argnums=(0, 1, 2))(v, decay, xs)

    same(function, *operands(dtype), dtype=dtype)


def test_two_threads():
    """Enough work for the second half of the lanes to be offered to another thread."""
    v, xs = jnp.zeros(40_001, jnp.float32), numbers((STEPS, 40_001), "float32", 0.0, 2.0)
    decay = jnp.asarray(0.8, jnp.float32)
    body = lambda decay, v, x: (decay * v + jnp.tanh(x), None)
    total = lambda scan: lambda v, decay, xs: jnp.sum(scan(functools.partial(body, decay), v, xs)[0] ** 2)
    same(lambda scan, *xs: jax.grad(total(scan), argnums=(0, 1, 2))(*xs), v, decay, xs, dtype="float32")


# The programs


def test_programs():
    """Forwards with the voltages stored, once; backwards from the last step; nothing else that loops."""
    v, decay, xs = operands("float32")
    forwards, back = fused_scans(jax.make_jaxpr(jax.grad(functools.partial(loss, fuse.scan)))(v, decay, xs).jaxpr)
    assert (forwards.reverse, back.reverse) == (False, True)
    assert len(forwards.body.jaxpr.outvars) == 2 + 2 + 1  # not the counts: what is to be computed does not need them
    # A scan whose steps are linear keeps nothing.
    total = lambda v: jnp.sum(fuse.scan(lambda v, x: (0.5 * v, v * x), v, xs)[1])
    forwards, back = fused_scans(jax.make_jaxpr(jax.grad(total))(v).jaxpr)
    assert len(forwards.body.jaxpr.outvars) == 2 and not back.carry > 1
    # Forwards only it is one scan.
    [both] = fused_scans(
        jax.make_jaxpr(lambda *xs: jax.jvp(functools.partial(loss, fuse.scan), xs, xs))(v, decay, xs).jaxpr
    )
    assert both.carry == 3


def test_what_nothing_needs_is_not_computed():
    xs = numbers((STEPS, 9), "float32")
    some = lambda v: fuse.scan(lambda c, x: ((c[0] * x, jnp.sin(c[1])), (c[0], c[1])), (v, v), xs)[1][0]
    text = jax.jit(some).lower(jnp.ones(9)).as_text()
    assert text.count("tensor<7x9xf32>") > 0
    [call] = [line for line in text.splitlines() if "custom_call @neuroeqx_fused_scan" in line]
    assert call.split("->")[-1].count("tensor<7x9xf32>") == 1
    np.testing.assert_allclose(jax.jit(some)(jnp.ones(9))[0], 1.0)


def test_memory():
    """No more than the voltages, what is given and its gradient."""
    n = 1000
    v, decay, xs = operands("float32", n)
    compiled = jax.jit(jax.grad(functools.partial(loss, fuse.scan), argnums=2)).lower(v, decay, xs).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 6 * 4 * n * STEPS


# What stays in XLA


def test_parts_of_parameters(dtype):
    """Single numbers of an array, whose cotangents do not belong to lanes."""

    def function(scan, weights, v, xs):
        body = lambda v, x: (weights[0] * v + weights[2] * x, jnp.sin(v))
        return jax.grad(lambda weights: jnp.sum(scan(body, v, xs)[1]))(weights)

    v, _, xs = operands(dtype)
    ours, theirs = (function(scan, numbers((4,), dtype), v, xs) for scan in (fuse.scan, lax.scan))
    np.testing.assert_allclose(ours, theirs, rtol=tolerance(dtype))


def test_a_backward_function_of_the_users(dtype):
    @jax.custom_vjp
    def clipped(x):
        return jnp.sin(x)

    clipped.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (jnp.clip(g, -0.5, 0.5) * jnp.cos(x),))
    v, _, xs = operands(dtype)
    total = lambda scan: lambda v: jnp.sum(scan(lambda v, x: (clipped(v) + x, v), v, xs)[1] ** 2)
    np.testing.assert_allclose(*(jax.grad(total(scan))(v) for scan in (fuse.scan, lax.scan)), rtol=tolerance(dtype))


def test_leaks_and_simulations(x64, no_leaks):
    """A layer of refractory cells, as it is trained."""
    population = nex.Population(nex.Refractory(nex.LIF(), 1.0), 37)

    def total(cell, drive, fused):
        own = eqx.tree_at(lambda p: p.cell, population, cell)
        drive = nex.Samples(drive)
        return jnp.sum(nex.simulate(own, 2.0, 0.1, drive, record={"z": nex.output()}, fused=fused).records["z"].values)

    drive = numbers((20, 37), "float64", 20.0, 60.0)
    grads = [eqx.filter_grad(functools.partial(total, fused=fused))(population.cell, drive) for fused in (True, False)]
    for x, y in zip(*map(jax.tree.leaves, grads), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)
    with no_leaks():
        jaxpr = jax.make_jaxpr(jax.grad(functools.partial(total, fused=True), argnums=1))(population.cell, drive)
    loops = fused_scans(jaxpr.jaxpr)
    assert [loop.reverse for loop in loops] == [False, True]
