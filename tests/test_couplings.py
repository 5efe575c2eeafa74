"""Coupling of voltages: electrical synapses, diffusive and additive coupling, with delays."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from laws import table
from scipy.integrate import solve_ivp


RECEPTORS = {"gap": nex.Receptor(nex.Instant(), nex.CUBA())}
RK4 = nex.RK4()


def voltages(net, t1, dt, drive=None, names=("x",), **options):
    record = {name: nex.voltage(name) for name in names}
    sol = nex.simulate(net, t1, dt, drive, record=record, **options)
    return np.concatenate([np.asarray(sol.records[name].values) for name in names], axis=1)


def one(cell, comm, v0, coupling, delay=None):
    """A population that is coupled to itself."""
    populations = {"x": nex.Population(cell, len(v0), RECEPTORS, v0=v0)}
    return nex.Network(populations, [nex.Projection("x", "x", "gap", comm, coupling=coupling, delay=delay)])


def order(errors):
    """The power of dt between the last two of errors at halved steps."""
    return float(np.log2(errors[-2] / errors[-1]))


@pytest.mark.parametrize("coupling", table.COUPLINGS.values(), ids=table.COUPLINGS)
def test_the_affine_form_is_the_same_function(coupling, x64):
    pre, post = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7)))
    affine = coupling.affine(pre)
    if affine is not None:
        assert affine.b is None or affine.b.shape == ()
        np.testing.assert_allclose(affine(post), coupling(pre, post), rtol=1e-14, atol=1e-15)


def test_two_leaks_approach_each_other(ledger, dtype):
    """The difference of two linear units falls at the rate (1 + 2 g) / tau, their mean at 1 / tau."""
    g, tau, dt = 0.3, 10.0, 0.05
    net = one(nex.Leaky(tau=tau), nex.connect.Dense([[0.0, g], [g, 0.0]]), [1.0, -0.4], nex.GapJunction())
    v = voltages(net, 10.0, dt)
    assert v.dtype == dtype
    i = np.arange(1, len(v) + 1)
    # With the other's voltage held, a step is solved exactly.
    decay = np.exp(-(1 + g) * dt / tau)
    held = (1 - decay) * g / (1 + g)
    found = np.stack([v[:, 0] - v[:, 1], v.mean(1)], axis=1)
    steps = np.stack([1.4 * (decay - held) ** i, 0.3 * (decay + held) ** i], axis=1)
    np.testing.assert_allclose(found, steps, rtol=1e-12 if dtype == "float64" else 1e-5)
    truth = np.stack([1.4 * np.exp(-(1 + 2 * g) / tau * dt * i), 0.3 * np.exp(-dt * i / tau)], axis=1)
    error = np.abs(found / truth - 1.0).max()
    ledger("GapJunction", "closed form, rates (1 + 2 g) / tau and 1 / tau",
           "difference and mean of two linear units, dt = 0.05 ms, relative", error, 0.003)  # fmt: skip


def test_junctions_conserve_charge(x64):
    """What flows into one of two cells flows out of the other: without a leak the mean stays, and all end up there."""
    g = np.random.default_rng(0).uniform(0.2, 1.0, (5, 5))
    cell = nex.IF(c=5.0, v_th=10.0, stepper=nex.Euler())
    v = voltages(one(cell, nex.connect.from_dense(g + g.T), np.linspace(-1.0, 0.5, 5), nex.GapJunction()), 20.0, 0.1)
    np.testing.assert_allclose(v.mean(1), -0.25, rtol=1e-12)
    np.testing.assert_allclose(v[-1], -0.25, atol=1e-6)


def pair_of_oscillators(coupling, matrix, junction, ledger, model):
    """Two FitzHugh-Nagumo cells against SciPy, at halved steps."""
    cell = nex.FitzHughNagumo(stepper=RK4)
    start = np.array([1.0, -1.0])

    def field(t, y):
        v, w = y[:2], y[2:]
        return np.concatenate([v - v**3 / 3 - w + 0.5 + junction(v), (v + 0.7 - 0.8 * w) / 12.5])

    w0 = np.full(2, (-1.199408035244035 + 0.7) / 0.8)
    truth = solve_ivp(field, (0.0, 20.0), [*start, *w0], method="DOP853", rtol=1e-11, atol=1e-12).y[:2, -1]
    net = one(cell, nex.connect.from_dense(np.array(matrix)), start, coupling)
    errors = [np.abs(voltages(net, 20.0, dt, {"x": 0.5}, fused=False)[-1] - truth).max() for dt in (0.02, 0.01)]
    ledger(model, "SciPy DOP853", "voltage of two FitzHugh-Nagumo cells after 20 ms at dt = 0.01 ms", errors[1], 0.001)
    ledger(model, "order 1", "order of convergence with RK4 cells", abs(order(errors) - 1.0), 0.05)


def test_order_of_gap_junctions(ledger, x64):
    junction = lambda v: np.array([0.2 * (v[1] - v[0]), 0.3 * (v[0] - v[1])])
    pair_of_oscillators(nex.GapJunction(), [[0.0, 0.3], [0.2, 0.0]], junction, ledger, "GapJunction")


def test_order_of_rectifying_junctions(ledger, x64):
    def junction(v):
        h = lambda u: 0.1 + 0.9 / (1.0 + np.exp(-(u - 0.2) / 0.3))
        return np.array([0.2 * h(v[1] - v[0]) * (v[1] - v[0]), 0.3 * h(v[0] - v[1]) * (v[0] - v[1])])

    coupling = nex.RectifyingGapJunction(0.2, 0.3, 0.1)
    pair_of_oscillators(coupling, [[0.0, 0.3], [0.2, 0.0]], junction, ledger, "RectifyingGapJunction")


def test_current_flows_in_one_direction(x64):
    """A narrow slope lets current flow downhill only, and a negative one with `comm.T` takes it from the source."""
    cell, comm = nex.IF(c=5.0, v_th=10.0), nex.connect.Dense([[0.0, 1.0], [0.0, 0.0]])
    into, out = nex.RectifyingGapJunction(0.0, 1e-3), nex.RectifyingGapJunction(0.0, -1e-3)

    def final(v0):
        net = nex.Network(
            {"x": nex.Population(cell, 2, RECEPTORS, v0=v0)},
            [nex.Projection("x", "x", "gap", m, coupling=c) for m, c in ((comm, into), (comm.T, out))],
        )
        return voltages(net, 2.0, 0.01)[-1]

    downhill, uphill = final([0.5, -0.5]), final([-0.5, 0.5])
    np.testing.assert_array_equal(uphill, [-0.5, 0.5])
    np.testing.assert_allclose(downhill, [0.5 * np.exp(-0.8), -0.5 * np.exp(-0.8)], rtol=2e-3)
    np.testing.assert_allclose(downhill.sum(), 0.0, atol=1e-12)


def steps(n, m):
    """The method of steps for x' = -x(t - 1), x = 1 until 0, at t = n: sum over k of (-1)^k (t - k + 1)^k / k!."""
    total, factorial = 0.0, 1.0
    for k in range(m + 1):
        factorial *= max(k, 1)
        total += (-1.0) ** k * max(n - k + 1.0, 0.0) ** k / factorial
    return total


def test_delayed_feedback(ledger, x64):
    """x' = -x(t - 1) with a past of ones: what is sent before the first step is the initial voltage."""

    def in_numpy(dt):
        lag = round(1 / dt)
        x = [1.0] * lag
        for _ in range(6 * lag):
            x.append(x[-1] - dt * x[-lag])  # what holds over a step is 1 ms old at its end
        return np.array(x[lag:])

    def error(x):
        return np.abs(x[len(x) // 6 - 1 :: len(x) // 6] - [steps(t, 8) for t in range(1, 7)]).max()

    net = one(nex.IF(c=1.0, v_th=10.0), nex.connect.one_to_one(-1.0), [1.0], nex.Additive(), delay=1.0)
    v = voltages(net, 6.0, 0.01)[:, 0]
    np.testing.assert_allclose(v, in_numpy(0.01), atol=1e-12)
    ledger("Additive", "method of steps", "x' = -x(t - 1) at t = 1 ... 6 with dt = 0.01 ms", error(v), 0.01)
    ledger(
        "Additive",
        "order 1",
        "order of convergence with a delay",
        abs(order([error(in_numpy(0.02)), error(v)]) - 1),
        0.05,
    )


class MackeyGlass(nex.AbstractCoupling):
    """A user's own: a graded synapse whose transmission falls again where the source is large."""

    strength: float = 0.2

    def __call__(self, pre, post):
        return self.affine(pre)(post)

    def affine(self, pre):
        return nex.Affine(self.strength * pre / (1.0 + pre**10))


def test_mackey_and_glass(ledger, x64):
    """x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x, which is chaotic, against the method of steps (SciPy DOP853)."""
    delay, pieces = 17.0, 12

    def truth():
        past = lambda t: np.full_like(t, 1.2)
        x, found = 1.2, []
        for k in range(pieces):
            begin = k * delay
            field = lambda t, x, past=past: 0.2 * past(t - delay) / (1.0 + past(t - delay) ** 10) - 0.1 * x
            sol = solve_ivp(field, (begin, begin + delay), [x], "DOP853", rtol=1e-11, atol=1e-12, dense_output=True)
            past, x = (lambda t, sol=sol: sol.sol(t)[0]), sol.y[0, -1]
            found.append(x)
        return np.array(found)

    cell = nex.Leaky(tau=10.0, r=10.0)
    net = one(cell, nex.connect.one_to_one(1.0), [1.2], MackeyGlass(), delay=delay)
    runs = [voltages(net, pieces * delay, dt)[:, 0] for dt in (0.02, 0.01)]
    expected = truth()
    assert np.ptp(expected) > 0.5
    errors = [np.abs(v[len(v) // pieces - 1 :: len(v) // pieces] - expected).max() for v in runs]
    ledger("Leaky", "method of steps", "Mackey-Glass over 12 delays of 17 ms at dt = 0.01 ms", errors[1], 0.01)
    ledger("Leaky", "order 1", "order of convergence of Mackey-Glass", abs(order(errors) - 1.0), 0.1)


N, M = 6, 4
RNG = np.random.default_rng(3)
WITHIN, ACROSS = RNG.uniform(0.0, 0.1, (N, N)) * (RNG.random((N, N)) < 0.6), RNG.uniform(0.0, 0.2, (3, M))
LAGS = RNG.integers(1, 5, (N, N))
START = RNG.uniform(-0.5, 0.9, N)


def web():
    """Two populations of neurons that spike, of junctions with a delay for each, a delay for all, and one step."""
    rows, columns = np.nonzero(WITHIN)
    within = nex.connect.CSR(
        WITHIN[rows, columns], columns, np.searchsorted(rows, np.arange(N + 1)), N, delays=LAGS[rows, columns]
    )
    across, back = nex.connect.Dense(ACROSS), nex.connect.from_dense(ACROSS.T)
    cell = nex.LIF(tau=5.0)
    return nex.Network(
        {"x": nex.Population(cell, N, RECEPTORS, v0=START), "y": nex.Population(cell, (2, 2), RECEPTORS, v0=0.3)},
        [
            nex.Projection("x", "x", "gap", within, coupling=nex.GapJunction()),
            nex.Projection(nex.part("x", 1, 4), "y", "gap", across, coupling=nex.GapJunction(), delay=0.3),
            nex.Projection("y", nex.part("x", 1, 4), "gap", back, coupling=nex.RectifyingGapJunction()),
            nex.Projection("y", "x", "gap", nex.connect.all_to_all(0.01), coupling=nex.Additive(), delay=0.2),
        ],
    )


def web_in_numpy(drive, count, dt):
    """The same network, each synapse for itself."""
    past = [np.concatenate([START, np.full(M, 0.3)])] * 5
    spikes = 0
    h = lambda u: 1.0 / (1.0 + np.exp(-u))
    for _ in range(count):
        now = past[-1]
        a, b = np.zeros(N + M), np.zeros(N + M)
        a[:N] += drive
        for i in range(N):
            for j in range(N):
                a[i] += WITHIN[j, i] * past[-LAGS[j, i]][j]
                b[i] += WITHIN[j, i]
        for j in range(3):
            for i in range(M):
                a[N + i] += ACROSS[j, i] * past[-3][1 + j]
                b[N + i] += ACROSS[j, i]
                u = now[N + i] - now[1 + j]
                slope = ACROSS[j, i] * (h(u) + u * h(u) * (1.0 - h(u)))
                a[1 + j] += ACROSS[j, i] * h(u) * u + slope * now[1 + j]
                b[1 + j] += slope
        a[:N] += 0.01 * past[-2][N:].sum()
        v = a / (1.0 + b) + (now - a / (1.0 + b)) * np.exp(-(1.0 + b) * dt / 5.0)
        spikes += np.sum(v >= 1.0)
        past.append(np.where(v >= 1.0, 0.0, v))
    return np.stack(past[5:]), spikes


def test_a_network_equals_its_synapses_one_by_one(ledger, x64):
    net, dt, drive = web(), 0.1, np.linspace(1.0, 2.0, N)
    truth, spikes = web_in_numpy(drive, 150, dt)
    assert spikes > 10
    record = {name: nex.voltage(name) for name in "xy"}
    sol = nex.simulate(net, 15.0, dt, {"x": drive}, record=record)
    v = np.concatenate([np.asarray(sol.records[name].values).reshape(150, -1) for name in "xy"], axis=1)
    ledger("GapJunction", "NumPy, synapse by synapse", "voltages of two populations of LIF cells with delays",
           np.abs(v - truth).max(), 1e-11)  # fmt: skip
    first = nex.simulate(net, 6.7, dt, {"x": drive}, record=record)
    rest = nex.simulate(net, 15.0, dt, {"x": drive}, t0=first.t1, state=first.state, record=record)
    np.testing.assert_array_equal(rest.records["x"].values, sol.records["x"].values[67:])  # to the bit
    assert nex.explain(net, dt, {"x": drive}).kept == []


@pytest.mark.parametrize("longest", [1, 4])
def test_a_delay_for_each_synapse_of_a_coupling_that_is_evaluated(longest, ledger, x64):
    """Phases, each synapse for itself in NumPy; from a part of the population, and a step late at the receptor."""
    dt, n, rng = 0.5, 5, np.random.default_rng(4)
    weight, lags = rng.uniform(0.0, 0.1, (3, n)), rng.integers(1, longest + 1, (3, n))
    omega, start = rng.uniform(0.1, 0.3, n), rng.uniform(-3.0, 3.0, n)
    rows, columns = np.indices((3, n)).reshape(2, -1)
    comm = nex.connect.from_edges(rows, columns, weight.ravel(), 3, n, delay=lags.ravel())
    cell = nex.rates.Kuramoto(omega, stepper=nex.Euler())
    populations = {"x": nex.Population(cell, n, {"in": nex.Receptor(nex.Instant(), nex.CUBA(), lag=1)}, v0=start)}
    coupled = nex.Projection(nex.part("x", 1, 4), "x", "in", comm, coupling=nex.rates.Sine(0.2))
    net = nex.Network(populations, [coupled])
    past = [start] * 6
    for _ in range(80):
        pre = np.array([[past[-1 - lags[j, i]][1 + j] for i in range(n)] for j in range(3)])
        past.append(past[-1] + dt * (omega + (weight * np.sin(pre - past[-1] - 0.2)).sum(0)))
    v = voltages(net, 80 * dt, dt)
    assert np.abs(v).max() <= np.pi < np.abs(past[-1]).max()  # phases stay on the circle
    error = np.abs(np.angle(np.exp(1j * (v - past[6:])))).max()
    ledger("Sine", "NumPy, synapse by synapse", "phases of oscillators with a delay for each synapse", error, 1e-11)
    assert nex.explain(net, dt).kept == []


def test_derivatives_and_batches(x64):
    """Towards conductances and the parameters of a junction, against central differences; and over conductances."""

    def final(p):
        populations = {"x": nex.Population(nex.Leaky(tau=5.0), 2, RECEPTORS, v0=[0.5, -0.2])}
        even, steep = (
            nex.connect.Dense(p[:2, None] * jnp.ones((2, 2))),
            nex.connect.Dense(p[None, :2] * jnp.ones((2, 2))),
        )
        projections = [
            nex.Projection("x", "x", "gap", even, coupling=nex.GapJunction()),
            nex.Projection("x", "x", "gap", steep, coupling=nex.RectifyingGapJunction(p[2], p[3], 0.1), delay=0.2),
        ]
        drive = jnp.array([1.0, -0.5])
        v = (
            nex.simulate(nex.Network(populations, projections), 1.0, 0.1, {"x": drive}, fused=False)
            .state.populations["x"]
            .v
        )
        return v[0] + 2.0 * v[1]

    p, h = jnp.array([0.4, 0.7, 0.1, 0.5]), 1e-5
    points = jnp.concatenate([p[None], p[None] + h * jnp.eye(4), p[None] - h * jnp.eye(4)])
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(final)))(points)
    numeric = (values[1:5] - values[5:]) / (2 * h)
    assert np.all(np.abs(numeric) > 1e-3)
    np.testing.assert_allclose(gradients[0], numeric, rtol=1e-6)


def test_what_does_not_fit_is_refused():
    cells = {"x": nex.Population(nex.LIF(), 2, RECEPTORS | {"ampa": nex.Receptor(nex.Expon(), nex.COBA(0.0))}),
             "noise": nex.Poisson(10.0, 2)}  # fmt: skip
    every = nex.connect.all_to_all(1.0)

    def net(*args, populations=cells, **options):
        return nex.Network(populations, [nex.Projection(*args, **options)], key=jax.random.key(0))

    gap = nex.GapJunction()
    with pytest.raises(ValueError, match="'noise' is a Poisson, which has no voltage"):
        net("noise", "x", "gap", every, coupling=gap)
    with pytest.raises(ValueError, match=r"must be Receptor\(Instant\(\), CUBA\(\)\), got Expon and COBA"):
        net("x", "x", "ampa", every, coupling=gap)
    with pytest.raises(ValueError, match="'x:voltage' is taken by the voltage of 'x'"):
        net("x", "x", "gap", every, coupling=gap, populations=cells | {"x:voltage": cells["x"]})
    with pytest.raises(ValueError, match="give one or the other"):
        nex.Projection("x", "x", "gap", every, coupling=gap, release=nex.STD())
    with pytest.raises(ValueError, match="give one or the other"):
        nex.Projection("x", "x", "gap", every, coupling=gap, plasticity=nex.plasticity.STDP())
    with pytest.raises(ValueError, match="`slope` must not be zero"):
        nex.RectifyingGapJunction(slope=0.0)
    with pytest.raises(ValueError, match="`h_min` must lie in 0 ... 1, got 1.5"):
        nex.RectifyingGapJunction(h_min=1.5)
    with pytest.raises(ValueError, match=r"`u_half` must be one number, got shape \(2,\)"):
        nex.RectifyingGapJunction(u_half=[0.0, 1.0])
    assert "AllToAll with 4 synapses, GapJunction" in repr(net("x", "x", "gap", every, coupling=gap))
    # Graded transmission into a conductance needs no voltage of the target.
    assert "Additive" in repr(net("x", "x", "ampa", every, coupling=nex.Additive()))


def test_a_coupling_of_ones_own(x64):
    """Graded transmission: a function of the voltage of the source, into a conductance with kinetics."""

    class Release(nex.AbstractCoupling):
        def __call__(self, pre, post):
            return jax.nn.sigmoid(pre)

        def affine(self, pre):
            return nex.Affine(jax.nn.sigmoid(pre))

    populations = {"x": nex.Population(nex.Leaky(), 1, {"g": nex.Receptor(nex.Expon(2.0), nex.COBA(1.0))}, v0=0.2)}
    net = nex.Network(populations, [nex.Projection("x", "x", "g", nex.connect.one_to_one(0.5), coupling=Release())])
    state = eqx.filter_jit(lambda s: net.step(s, None, dt=0.1)[0])(net.init(dt=0.1))
    np.testing.assert_allclose(state.populations["x"].receptors["g"], 0.5 / (1.0 + np.exp(-0.2)), rtol=1e-14)
