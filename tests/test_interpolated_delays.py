"""Delays between steps: order and derivative by the delay, against closed forms, `solve_delayed` and central differences."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import optax
import pytest
from jax import lax
from scipy.optimize import brentq


RECEPTORS = {"in": nex.Receptor(nex.Instant(), nex.CUBA())}


class Integrator(nex.AbstractGradedCell):
    """x' = I(x)."""

    stepper: nex.AbstractStepper = nex.RK4()

    def init(self, shape, *, key=None):
        return jnp.zeros(shape)

    def vector_field(self, t, y, current):
        return current(y)

    def output(self, y):
        return y


def coupled(cell, n, comm, delay, coupling=None, **initial):
    """A population that reaches itself."""
    populations = {"x": nex.Population(cell, n, RECEPTORS, **initial)}
    return nex.Network(populations, [nex.Projection("x", "x", "in", comm, delay=delay, coupling=coupling)])


def trace(net, steps, dt, **options):
    return nex.simulate(net, steps * dt, dt, record={"x": nex.voltage("x")}, **options).records["x"].values


def with_delay(net, delay):
    """The network with other delays on its only projection, as training would change them."""
    return eqx.tree_at(lambda n: next(iter(n.projections.values())).interpolated.delay, net, delay)


def orders(errors):
    return np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))


def feedback(t, tau):
    """x' = -x(t - tau) with a past of ones; and x' = t^2 - x(t - tau) with one of zeros, which begins smoothly, with the
    derivative by tau: the method of steps."""
    x, y, slope = np.ones_like(t), np.zeros_like(t), np.zeros_like(t)
    for k in range(math.ceil(t.max() / tau) + 1):
        s, sign = np.maximum(t - k * tau, 0.0), (-1.0) ** k
        x = x - sign * s ** (k + 1) / math.factorial(k + 1)
        y = y + sign * 2.0 * s ** (k + 3) / math.factorial(k + 3)
        slope = slope - sign * 2.0 * k * s ** (k + 2) / math.factorial(k + 2)
    return x, y, slope


@pytest.mark.parametrize("method", ["cubic", "linear"])
def test_delayed_feedback(method, ledger, x64):
    """Delays of 1 1/3, 12 1/3 and 21 1/3 steps: in halved steps the place between two is the same, or its mirror image."""
    taus = jnp.array([0.08, 0.74, 1.28])
    every = nex.connect.Dense([[-1.0]])
    net = coupled(Integrator(), 1, every, nex.Interpolated(0.5, 1.3, method), nex.Additive(), v0=[1.0])
    errors = []
    for k in (1, 2):
        dt, steps = 0.06 / k, 60 * k
        middles = dt * (np.arange(steps) + 0.5)

        def both(tau, dt=dt, steps=steps, middles=middles):
            start = lambda n, v0: eqx.tree_at(lambda n: n.populations["x"].v0, with_delay(n, tau), jnp.array([v0]))
            driven = {"x": nex.Samples(middles[:, None] ** 2)}
            return jnp.stack(
                [trace(start(net, 1.0), steps, dt)[:, 0], trace(start(net, 0.0), steps, dt, inputs=driven)[:, 0]]
            )

        found, by_delay = jax.jit(jax.vmap(lambda tau, f=both: jax.jvp(f, (tau,), (jnp.ones(()),))))(taus)
        truth = np.stack([feedback(middles + 0.5 * dt, float(tau)) for tau in taus])
        errors.append(np.abs(np.concatenate([found, by_delay[:, 1:]], 1) - truth).max((0, 2)))
    kinked, smooth, slope = np.array(errors).T
    what, power = f"{method}, d = 1 1/3, 12 1/3 and 21 1/3 steps: x' = ", 2.0 if method == "cubic" else 1.0
    ledger("Interpolated", "order 2", f"{what}-x(t - d), order of convergence", np.abs(orders(kinked) - 2.0).max(), 0.1)
    ledger(
        "Interpolated",
        "order 2",
        f"{what}t^2 - x(t - d), order of convergence",
        np.abs(orders(smooth) - 2.0).max(),
        0.1,
    )
    ledger("Interpolated", "method of steps", f"{what}-x(t - d) at dt = 0.03 ms", kinked[-1], 3e-4)
    ledger("Interpolated", f"order {power:g}", f"{what}t^2 - x(t - d), order of the derivative by d",
           np.abs(orders(slope) - power).max(), 0.1)  # fmt: skip


def test_two_linear_units_with_a_delay_each(ledger, x64):
    """Outputs, which begin at 0, over delays that differ: against `solve_delayed`."""
    delays, w, drive, tau = (
        np.array([[0.0, 1.37], [0.61, 0.0]]),
        np.array([[0.0, 0.8], [-1.5, 0.0]]),
        np.array([1.0, 0.4]),
        3.0,
    )

    def field(t, y, past, args):
        return (drive - y + jnp.stack([w[1, 0] * past[0][1], w[0, 1] * past[1][0]])) / tau

    truth = nex.solve_delayed(field, jnp.zeros(2), [0.61, 1.37], 12.0, 0.05)
    net = coupled(nex.Leaky(tau=tau), 2, nex.connect.from_dense(w), nex.Interpolated(delays, 2.0), i0=drive)
    errors = []
    for dt in (0.1, 0.05):
        x = trace(net, round(12.0 / dt), dt, fused=False)
        errors.append(np.abs(x - jax.vmap(truth)(dt * jnp.arange(1.0, len(x) + 1.0))).max())
    what = "two linear units, delays of 0.61 and 1.37 ms"
    ledger("Interpolated", "`solve_delayed`", f"{what}, dt = 0.05 ms", errors[1], 2e-4)
    ledger("Interpolated", "order 2", f"{what}: order of convergence", abs(orders(errors)[0] - 2.0), 0.1)


class MackeyGlass(nex.AbstractCoupling):
    def __call__(self, pre, post):
        return self.affine(pre)(post)

    def affine(self, pre):
        return nex.Affine(0.2 * pre / (1.0 + pre**10))


@pytest.mark.thorough
def test_mackey_and_glass(ledger, x64):
    """x' = 0.2 x(t - 17.03) / (1 + x(t - 17.03)^10) - 0.1 x."""
    field = lambda t, x, past, args: 0.2 * past[0] / (1.0 + past[0] ** 10) - 0.1 * x
    truth = nex.solve_delayed(field, 1.2, [17.03], 80.0, 0.05)
    cell = nex.Leaky(tau=10.0, r=10.0)
    net = coupled(cell, 1, nex.connect.one_to_one(1.0), nex.Interpolated(17.03, 20.0), MackeyGlass(), v0=[1.2])
    errors = []
    for dt in (0.2, 0.1):
        x = trace(net, round(80.0 / dt), dt)[:, 0]
        errors.append(np.abs(x - jax.vmap(truth)(dt * jnp.arange(1.0, len(x) + 1.0))).max())
    assert np.ptp(x) > 0.5
    ledger(
        "Interpolated",
        "`solve_delayed`",
        "Mackey-Glass with a delay of 17.03 ms for 80 ms, dt = 0.1 ms",
        errors[1],
        1e-4,
    )
    ledger("Interpolated", "order 2", "Mackey-Glass: order of convergence", abs(orders(errors)[0] - 2.0), 0.1)
    assert nex.explain(net, 0.1).kept == []


DT = 0.1


def relay(n, comm, delay, lag=0, source=None, release=None):
    """What a population puts out, the drive of its step, and another receives."""
    receptor = {"in": nex.Receptor(nex.Instant(), nex.CUBA(), lag=lag)}
    populations = {"s": nex.Population(nex.Leaky(tau=1e-3), 3), "t": nex.Population(nex.Leaky(), n, receptor)}
    return nex.Network(populations, [nex.Projection(source or "s", "t", "in", comm, delay=delay, release=release)])


def received(net, sent):
    record = {"in": nex.state(lambda s: s.populations["t"].receptors["in"])}
    sol = nex.simulate(net, len(sent) * DT, DT, {"s": nex.Samples(sent)}, record=record)
    return sol.records["in"].values


def keys(s):
    """The kernel of cubic convolution, as it is printed."""
    s = np.abs(s)
    return np.where(s <= 1, 1.5 * s**3 - 2.5 * s**2 + 1, np.where(s < 2, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2, 0.0))


SENT = np.random.default_rng(0).normal(size=(30, 3))


@pytest.mark.parametrize(("method", "lag"), [("cubic", 0), ("cubic", 1), ("linear", 0)])
def test_what_is_read_between_steps(method, lag, x64):
    """The sum over all steps with a kernel in NumPy; from a part, at a receptor that is late."""
    delays = np.concatenate([np.linspace(0.05, 0.149, 7), np.linspace(0.15, 1.0, 18)])
    every = nex.Interpolated(0.5, 1.0, method)
    net = relay(2, nex.connect.one_to_one(1.0), every, lag, nex.part("s", 1, 3))
    found = jax.jit(jax.vmap(lambda delay: received(with_delay(net, delay), jnp.asarray(SENT))))(jnp.asarray(delays))
    kernel = keys if method == "cubic" else (lambda s: np.maximum(1 - np.abs(s), 0))
    past = np.concatenate([np.zeros((20, 2)), SENT[:, 1:]])
    for delay, x in zip(delays, found, strict=True):
        for step in range(30):
            known = past[: 20 + step][::-1]  # one step ago, two, ...
            if lag == 0:
                known = np.concatenate([[3 * known[0] - 3 * known[1] + known[2]], known])
            else:
                known = np.concatenate([known[:1], known])  # of no weight
            expected = kernel(np.arange(len(known)) - (delay / DT + 0.5 + lag)) @ known
            np.testing.assert_allclose(x[step], expected, atol=1e-11)


def test_a_cubic_has_no_jumps_of_its_derivative(x64):
    """On both sides of a whole number of steps; those of straight lines do jump."""
    places = jnp.array([0.15, 0.25, 0.55])
    for method, jumps in (("cubic", False), ("linear", True)):
        net = relay(3, nex.connect.one_to_one(1.0), nex.Interpolated(0.5, 1.0, method))
        slope = jax.jacfwd(lambda delay, net=net: received(with_delay(net, delay), jnp.asarray(SENT))[-1])
        below, above = jax.jit(jax.vmap(slope))(jnp.concatenate([places - 1e-9, places + 1e-9])).reshape(2, -1)
        if jumps:
            assert np.all(np.abs(below - above) > 0.1)
        else:
            np.testing.assert_allclose(below, above, atol=1e-4)


def test_whole_steps_are_what_they_were():
    """To the bit: what is d steps old at the end of a step is as old as d - 1/2 in its middle."""
    w = nex.connect.Dense(np.random.default_rng(1).normal(size=(3, 4)))
    for d, lag, release, method in ((1, 0, None, "cubic"), (4, 1, None, "linear"), (3, 0, nex.STD(), "cubic")):
        whole = received(relay(4, w, d * DT, lag, release=release), SENT)
        between = received(relay(4, w, nex.Interpolated((d - 0.5) * DT, 0.5, method), lag, release=release), SENT)
        assert np.abs(whole).max() > 0.1
        np.testing.assert_array_equal(between, whole)


def test_forms_of_a_delay_for_each_synapse(x64):
    """Of stored matrices of two kinds, as a matrix and in a row; where they are one they are that one. And runs in parts, in
    native code and without it, under `vmap`."""
    rng = np.random.default_rng(2)
    w, d = rng.normal(size=(3, 3)) * (rng.random((3, 3)) < 0.7), rng.uniform(0.1, 0.9, (3, 3))
    sparse, dense = nex.connect.from_dense(w), nex.connect.Dense(w)
    cell, start = nex.rates.StuartLandau(0.1, 0.4), [0.3, -0.1, 0.2]
    of = lambda comm, delay: coupled(cell, 3, comm, nex.Interpolated(delay, 1.0), nex.GapJunction(), v0=start)
    nets = [of(dense, d), of(sparse, d), of(sparse, d[w != 0])]
    runs = [trace(net, 60, DT) for net in nets]
    for x in runs[1:]:
        np.testing.assert_allclose(x, runs[0], atol=1e-13)
    same = [trace(of(dense, delay), 60, DT) for delay in (0.37, np.full((3, 3), 0.37))]
    np.testing.assert_allclose(*same, atol=1e-13)
    assert np.abs(same[0] - runs[0]).max() > 1e-3
    net = nets[1]
    assert nex.explain(net, DT).kept == []
    np.testing.assert_allclose(trace(net, 60, DT, fused=False), runs[1], atol=1e-12)
    first = nex.simulate(net, 2.3, DT)
    rest = nex.simulate(net, 6.0, DT, t0=2.3, state=first.state, record={"x": nex.voltage("x")})
    np.testing.assert_array_equal(rest.records["x"].values, runs[1][23:])
    batch = eqx.filter_jit(jax.vmap(lambda delay: trace(with_delay(net, delay), 60, DT)))(jnp.stack([d, 0.5 * d]))
    np.testing.assert_allclose(batch[0], runs[1], atol=1e-12)
    assert "longest=1, cubic" in repr(net) and "ms, one for each synapse" in repr(net)


def test_derivatives_by_delays(ledger, x64):
    """Of every kind of projection, against central differences: outputs and voltages, one delay and one for each synapse,
    couplings that are affine and that are evaluated, phases that pass pi."""
    d, half = np.random.default_rng(3).uniform(0.11, 0.33, (3, 3)), nex.connect.Dense(np.full((3, 3), 0.3))
    own = lambda delay, method="cubic": nex.Interpolated(delay, 2.0, method)

    def final(p):
        populations = {
            "x": nex.Population(nex.rates.StuartLandau(0.1, 0.7), 3, RECEPTORS, v0=[0.5, -0.3, 0.2]),
            "p": nex.Population(nex.rates.Kuramoto(jnp.array([0.9, 0.5, 0.7])), 3, RECEPTORS, v0=[2.9, 3.0, 2.7]),
        }
        projections = [
            nex.Projection("x", "x", "in", half, coupling=nex.GapJunction(), delay=own(p[0] * d)),
            nex.Projection("x", "p", "in", half, delay=own(p[1], "linear")),
            nex.Projection(
                "p", "p", "in", half, coupling=nex.rates.Sine(0.3), delay=own((p[2] * d).reshape(-1), "linear")
            ),
            nex.Projection("p", "x", "in", half, coupling=nex.rates.Sine(0.1), delay=own(p[3])),
        ]
        end = nex.simulate(nex.Network(populations, projections), 2.0, DT).state.populations
        return jnp.sum(end["x"].v ** 2) + jnp.sum(jnp.sin(end["p"].v) * jnp.array([1.0, 2.0, -1.0])), end["p"].v

    p, h = jnp.array([1.0, 0.327, 1.3, 0.613]), 1e-5
    points = jnp.concatenate([p[None], p[None] + h * jnp.eye(4), p[None] - h * jnp.eye(4)])
    (values, phases), gradients = jax.jit(jax.vmap(jax.value_and_grad(final, has_aux=True)))(points)
    assert np.all(phases < 0.0)  # all have passed pi
    numeric = (values[1:5] - values[5:]) / (2 * h)
    assert np.all(np.abs(numeric) > 1e-2)
    error = np.abs(gradients[0] / numeric - 1.0).max()
    ledger(
        "Interpolated", "central differences in float64", "derivatives by delays of four kinds, relative", error, 1e-6
    )


@pytest.mark.parametrize("each", [False, True])
def test_the_frequency_of_two_oscillators(each, ledger, x64):
    """In phase, Omega = omega - K sin(Omega tau) (Schuster & Wagner 1989), and its derivative by tau."""
    omega, k, dt = 1.2, 0.2, 0.05
    taus = np.array([0.37, 0.77, 5.29])
    expected = [brentq(lambda x, tau=tau: omega - k * np.sin(x * tau) - x, 0.9, 1.3, xtol=1e-14) for tau in taus]
    expected = np.array(expected)
    stable = k * np.cos(expected * taus)
    assert np.all(stable > 0.05)
    comm = nex.connect.from_dense(np.array([[0.0, k], [k, 0.0]]))
    delay = nex.Interpolated(np.full(2, 1.0) if each else 1.0, 6.0)
    net = coupled(nex.rates.Kuramoto(omega), 2, comm, delay, nex.rates.Sine(), v0=[0.4, -0.1])

    def frequency(tau):
        x = trace(with_delay(net, tau * jnp.ones(2) if each else tau), 4000, dt)[-101:]
        turned = jnp.diff(x, axis=0)
        turned = turned - 2.0 * jnp.pi * jnp.round(turned / (2.0 * jnp.pi))
        return jnp.mean(turned) / dt, x

    (found, x), slope = jax.jit(jax.vmap(jax.value_and_grad(frequency, has_aux=True)))(jnp.asarray(taus))
    np.testing.assert_allclose(x[:, :, 0], x[:, :, 1], atol=1e-7)  # in phase, after they were not
    kind = "each synapse its own delay" if each else "one delay"
    ledger("Interpolated", "Omega = omega - K sin(Omega tau)", f"frequency of two Kuramoto oscillators, {kind}, relative",
           np.abs(found / expected - 1.0).max(), 2e-4)  # fmt: skip
    truth = -expected * stable / (1.0 + stable * taus)
    ledger("Interpolated", "Omega = omega - K sin(Omega tau)", f"its derivative by tau, {kind}, relative",
           np.abs(slope / truth - 1.0).max(), 1e-3)  # fmt: skip


def test_the_speed_of_conduction_and_the_delay_of_each_tract_are_found(ledger, x64):
    """Three areas with a tract for each pair: traces of `solve_delayed`, from which a fit starts twice too fast."""
    n, dt, steps, speed = 3, 0.1, 120, 7.0
    w = np.array([[0.0, 0.5, 0.3], [0.4, 0.0, 0.6], [0.2, 0.7, 0.0]])
    lengths = np.array([[0.0, 9.0, 21.0], [9.0, 0.0, 14.0], [21.0, 14.0, 0.0]])
    pre, post = np.nonzero(w)
    start, a, omega = jnp.array([0.9, -0.5, 0.1]), 0.3, 0.9

    def field(t, y, past, args):
        x, z = y
        seen = jnp.stack([p[0][i] for p, i in zip(past, pre, strict=True)])
        input = jnp.zeros(n).at[post].add(w[pre, post] * seen)
        grow = a - x * x - z * z
        return grow * x - omega * z + input, grow * z + omega * x

    true = lengths / speed
    truth = nex.solve_delayed(field, (start, jnp.zeros(n)), true[pre, post], steps * dt, 0.1, breaks=2)
    target = jax.vmap(lambda t: truth(t)[0])(dt * jnp.arange(1.0, steps + 1.0))
    own = nex.Interpolated(lengths / 14.0, 6.0)
    net = coupled(nex.rates.StuartLandau(a, omega), n, nex.connect.from_dense(w), own, nex.Additive(), v0=start)
    loss = lambda delay: jnp.mean((trace(with_delay(net, delay), steps, dt) - target) ** 2)

    @functools.partial(jax.jit, static_argnums=0)
    def fitted(of, p):
        rule = optax.adam(optax.cosine_decay_schedule(0.1, 150))

        def step(carry, _):
            p, state = carry
            value, slope = jax.value_and_grad(lambda p: loss(of(p)))(p)
            with jax.numpy_dtype_promotion("standard"):
                change, state = rule.update(slope, state)
            return (p + change, state), value

        (p, _), values = lax.scan(step, (p, rule.init(p)), None, 150)
        return p, values

    found, values = fitted(lambda p: lengths / jnp.exp(p), jnp.log(14.0))
    assert values[-1] < 1e-5 * values[0]
    ledger("Interpolated", "`solve_delayed`", "speed of conduction found from traces of three areas, relative",
           abs(np.exp(found) / speed - 1.0), 2e-3)  # fmt: skip
    each, values = fitted(lambda p: p, jnp.asarray(lengths / 10.0))
    assert values[-1] < 1e-3 * values[0]
    ledger("Interpolated", "`solve_delayed`", "delay of each of six tracts found from traces, ms",
           np.abs(each - true)[w > 0].max(), 0.05)  # fmt: skip


def test_a_trained_delay_that_cannot_be_read_is_an_error():
    net = coupled(
        nex.Leaky(), 2, nex.connect.Dense(np.ones((2, 2))), nex.Interpolated(0.5, 1.0), nex.Additive(), v0=0.1
    )
    run = jax.jit(lambda delay, state=None: trace(with_delay(net, delay), 5, DT, state=state))
    state = net.init(dt=DT)
    for delay, got in ((1.1, "got 1.1 ms"), (0.04, "got 0.04 ms"), (float("nan"), "got nan ms")):
        other = with_delay(net, jnp.array(delay))
        for given in (None, state):
            with pytest.raises(ValueError, match=f"'x->x:in' .* half a step, 0.05 ms, and `longest` = 1 ms; {got}"):
                trace(other, 5, DT, state=given)
            with pytest.raises(RuntimeError, match="half a step, 0.05 ms, and `longest` = 1 ms"):
                jax.block_until_ready(run(jnp.array(delay), given))
        assert np.all(np.isnan(other.step(state, dt=DT)[0].populations["x"].v))
    for delay in (1.0, 0.05):  # the ends of the range, in single precision
        assert np.all(np.isfinite(run(jnp.array(delay))))


def test_what_does_not_fit_is_refused():
    cell = nex.Population(nex.Leaky(), 2, RECEPTORS)
    cells = {"x": cell, "lif": nex.Population(nex.Refractory(nex.LIF(), 1.0), 2, RECEPTORS), "noise": nex.Poisson(10.0, 2),
             "ou": nex.OrnsteinUhlenbeck(0.0, 1.0, 5.0, 2)}  # fmt: skip
    key, full, own = jax.random.key(0), nex.connect.Dense(np.ones((2, 2))), nex.Interpolated(0.33, 1.0)

    def net(pre, comm=full, delay=own, **options):
        return nex.Network(cells, [nex.Projection(pre, "x", "in", comm, delay=delay, **options)], key=key)

    for source in ("lif", "noise"):
        with pytest.raises(ValueError, match=f"`delay`=Interpolated.*source '{source}' spikes.*whole number of steps"):
            net(source)
    assert np.all(np.isfinite(trace(net("lif", coupling=nex.GapJunction()), 5, DT, key=key)))  # voltages are graded
    assert np.all(np.isfinite(trace(net("ou"), 5, DT, key=key)))
    with pytest.raises(ValueError, match="delays of their own; give one or the other"):
        net("x", nex.connect.bernoulli(0.5, 1.0, delay=2))
    with pytest.raises(ValueError, match=r"has 4 synapses, but its `delay` is of 3"):
        net("x", delay=nex.Interpolated([0.3, 0.2, 0.1], 1.0))
    with pytest.raises(ValueError, match=r"`delay` of shape \(3, 2\), but its matrix \(2, 2\)"):
        net("x", delay=nex.Interpolated(np.full((3, 2), 0.3), 1.0))
    with pytest.raises(ValueError, match="`plasticity` goes by the step"):
        net("x", plasticity=nex.plasticity.Oja())
    with pytest.raises(ValueError, match="`release` is kept once for each source"):
        net("x", delay=nex.Interpolated(np.full((2, 2), 0.3), 1.0), release=nex.STD())
    with pytest.raises(ValueError, match='`method` must be "cubic" or "linear"'):
        nex.Interpolated(0.3, 1.0, "spline")
    with pytest.raises(ValueError, match="`longest` must be positive and finite, got -1"):
        nex.Interpolated(0.3, -1.0)
    with pytest.raises(ValueError, match=r"\[nnz\] or \[n_pre, n_post\], got shape \(1, 1, 1\)"):
        nex.Interpolated([[[0.3]]], 1.0)
    with pytest.raises(ValueError, match="parameter `delay` must be finite"):
        nex.Interpolated(np.nan, 1.0)
    with pytest.raises(ValueError, match="has a delay"):
        nex.analysis.system(nex.Network({"x": cell}, [nex.Projection("x", "x", "in", full, delay=own)]))
