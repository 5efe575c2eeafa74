"""Steppers with noise: strong orders, closed forms, moments, and what becomes of the noise in cells."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx._current import as_current
from neuroeqx._voltage import voltage
from neuroeqx.testing import check_order
from neuroeqx.testing._strong_errors import strong_errors
from test_steppers import CURRENTS


class Growth(nex.AbstractGradedCell):
    """dy = rate y dt, which with noise in proportion to y is geometric Brownian motion."""

    rate: jax.Array = nex.param(0.5)
    stepper: nex.AbstractStepper = nex.Euler()

    def init(self, shape, *, key=None):
        return jnp.ones(shape)

    def vector_field(self, t, y, current):
        return self.rate * y

    def output(self, y):
        return y


class Proportional(eqx.Module):
    """Noise in proportion to the variable."""

    factor: jax.Array = nex.param(0.8)

    def __call__(self, t, y):
        return self.factor * y


def growing(t, y):
    """Noise of the voltage that grows with it."""
    return 1.0 + 0.8 * jnp.tanh(0.5 * (y + 65.0))


STEPPERS = {
    "EulerMaruyama": (nex.EulerMaruyama, 0.5),
    "Milstein": (nex.Milstein, 1.0),
    "StochasticHeun": (nex.StochasticHeun, 1.0),
}
everywhere = pytest.mark.parametrize(("make", "order"), STEPPERS.values(), ids=STEPPERS)


@everywhere
def test_strong_order_against_geometric_brownian_motion(make, order, ledger):
    """The errors of 5,000 paths at the end of 1 ms against the closed form, over four halvings."""
    a, b, paths, counts = 0.3, 0.5, 5000, [16, 32, 64, 128, 256]
    w = np.concatenate([np.zeros((1, paths)), np.random.default_rng(1).normal(size=(256, paths)).cumsum(0) / 16.0])
    with jax.enable_x64(True):
        stepper, cell = make(Proportional(b)), Growth(a)
        path = jnp.asarray(w)

        def end(n):
            dw = jnp.diff(path[:: 256 // n], axis=0)
            step = lambda y, w: (stepper.advance(cell.vector_field, 0.0, 1.0 / n, y, None, [w]), None)
            return lax.scan(step, jnp.ones(paths), dw)[0]

        # Ito's integral of the noise has the drift -b^2 / 2, that of Stratonovich has none.
        exact = np.exp(a + b * w[-1] - (0.5 * b**2 if stepper.is_ito else 0.0))
        ends = jax.jit(lambda: [end(n) for n in counts])()
        errors = [np.sqrt(np.mean((np.asarray(y) - exact) ** 2)) for y in ends]
    assert stepper.order == order
    slope = -np.polyfit(np.log2(counts), np.log2(errors), 1)[0]
    name, quantity = make.__name__, "strong order with geometric Brownian motion, over 4 halvings"
    ledger(name, "nominal order, errors against the closed form", quantity, abs(slope - order), 0.1)


@everywhere
def test_strong_order_with_a_cell(make, order, ledger):
    found = check_order(nex.ExpIF(e_l=-65.0), make(growing), 10.0, t1=1.0, steps=20)
    ledger(make.__name__, "nominal order", "strong order with ExpIF, over 4 halvings", abs(found - order), 0.1)


# Of voltages in mV, and the time (ms); where two variables are as fast as the noise, a shorter one with more noise.
UNITS = dict.fromkeys(("LIF", "IF", "ALIF", "Leaky", "Graded"), 0.1) | {"FitzHughNagumo": 0.5, "HindmarshRose": 2.0}
TIMES = {"HindmarshRose": 0.05} | dict.fromkeys(
    ("HodgkinHuxley", "MorrisLecar", "FitzHughNagumo", "TraubMiles", "WangBuzsaki", "Izhikevich"), 0.5
)


@pytest.mark.thorough
def test_strong_order_with_every_cell(x64, ledger):
    """All of them in one vector field, with noise of each voltage that grows with it."""
    cells = {kind.__name__: kind() for kind in CURRENTS}
    currents = {kind.__name__: as_current(jnp.asarray(current)) for kind, current in CURRENTS.items()}
    start = {name: cell.init(()) for name, cell in cells.items()}

    def field(t, y):
        return {
            name: jax.tree.map(
                lambda r, name=name: TIMES.get(name, 1.0) * r, cell.vector_field(t, y[name], currents[name])
            )
            for name, cell in cells.items()
        }

    def noise(t, y):
        grown = {}
        for name, state in y.items():
            unit, v = UNITS.get(name, 2.0), voltage(state)
            g = unit * (0.5 + 0.4 * jnp.tanh((v - voltage(start[name])) / unit))
            grown[name] = jax.tree.map(lambda x, v=v, g=g: g if x is v else None, state)
        return grown

    counts = [6, 12, 24, 48, 96]
    ordered = sorted(start)  # as the leaves of a dictionary are
    places = np.array([name for name in ordered for _ in jax.tree.leaves(start[name])])
    noisy = np.array([x is voltage(start[name]) for name in ordered for x in jax.tree.leaves(start[name])])
    for make, order in STEPPERS.values():
        errors = strong_errors(make(noise), field, start, 1.0, counts, size=400, finer=8)
        # Where errors of the voltage are of order 1/2, those of the others, of order 1, may be larger for long.
        held = noisy if order == 0.5 else np.ones_like(noisy)
        worst = [errors[:, held & (places == name)].max(1) for name in ordered]
        slopes = -np.polyfit(np.log2(counts), np.log2(np.transpose(worst)), 1)[0]
        found = np.abs(slopes - order).max()
        ledger(make.__name__, "nominal order", "strong order with every neuron, over 4 halvings", found, 0.1)


def test_additive_noise_has_order_one_with_any_drift(ledger):
    stepper = nex.EulerMaruyama(0.5, nex.ExpEuler())
    assert stepper.order == 1.0
    found = check_order(nex.FitzHughNagumo(), stepper, 1.0, t1=2.0, steps=20)
    quantity = "strong order with FitzHughNagumo, noise that does not depend on the state"
    ledger("EulerMaruyama", "nominal order", quantity, abs(found - 1.0), 0.1)


def test_a_wrong_integral_is_found():
    class Crooked(nex.AbstractNoiseStepper):
        """Euler-Maruyama's, said to be that of Stratonovich."""

        sigma: Proportional = Proportional()
        is_ito = False
        order = 0.5

        def advance(self, vector_field, t, dt, y, args, dw):
            return nex.EulerMaruyama(self.sigma).advance(vector_field, t, dt, y, args, dw)

    with pytest.raises(AssertionError, match=r"Crooked with Growth: the errors fall with the power -?0\.0"):
        check_order(Growth(), Crooked(), t1=1.0, steps=10)


def test_moments_of_a_leak_with_noise(dtype, ledger):
    """The chain x <- (1 - dt / tau) x + sigma dW: variance and autocorrelation of an autoregressive process, which are
    those of the Ornstein-Uhlenbeck process up to dt / tau."""
    n, tau, dt, sd = 8000, 4.0, 1.0, 0.7
    cell = nex.Leaky(tau, 2.0, stepper=nex.EulerMaruyama(sd * np.sqrt(2.0 / tau)))
    run = jax.jit(
        lambda y, key: lax.scan(lambda y, i: cell.step(y, None, dt=dt, key=jr.fold_in(key, i)), y, jnp.arange(32))[1]
    )
    x = np.asarray(run(jnp.full(n, 2.0), jr.key(0)), float)[-12:]
    a = 1.0 - dt / tau
    variance = sd**2 * 2.0 / tau * dt / (1.0 - a**2)
    np.testing.assert_allclose(variance, sd**2, rtol=dt / tau)
    found = [
        np.abs(x.mean(1) - 2.0).max() * np.sqrt(n / variance),
        np.abs(x.var(1) / variance - 1.0).max() * np.sqrt(n / 2),
    ]
    for i in range(1, 12):
        found += [abs(np.corrcoef(x[0], x[i])[0, 1] - a**i) * np.sqrt(n) / (1.0 - a ** (2 * i))]
    quantity = "mean, variance, autocorrelation of a leak, in standard errors"
    ledger("EulerMaruyama", "closed form of the chain", quantity, max(found), 4.0)


def test_noise_is_gaussian_of_the_given_size_and_differs_between_variables_and_cells():
    state = nex.AdEx().init((5000,))
    both = nex.EulerMaruyama(lambda t, y: type(y)(0.5 + 0.0 * y.v, 2.0 + 0.0 * y.w))
    cell = nex.AdEx(stepper=both)
    quiet, noisy = nex.AdEx(stepper=nex.Euler()), cell
    step = jax.jit(lambda: (noisy.step(state, 0.0, dt=0.25, key=jr.key(0))[0], quiet.step(state, 0.0, dt=0.25)[0]))
    with_noise, without = step()
    dv, dw = np.asarray(with_noise.v - without.v), np.asarray(with_noise.w - without.w)
    for x, size in ((dv, 0.25), (dw, 1.0)):
        assert abs(x.mean()) < 4.0 * size / np.sqrt(5000)
        assert abs(x.std() / size - 1.0) < 4.0 / np.sqrt(10_000)
    assert abs(np.corrcoef(dv, dw)[0, 1]) < 4.0 / np.sqrt(5000)


@pytest.mark.parametrize(
    "cell",
    [
        nex.Refractory(nex.AdEx(stepper=nex.Milstein(lambda t, y: 0.01 * y.v)), 2.0),
        nex.HodgkinHuxley(stepper=nex.StochasticHeun(0.5)),
        nex.Substeps(nex.EscapeRate(nex.LIF(stepper=nex.EulerMaruyama([0.1, 0.2, 0.3], nex.ExpEuler())), 0.3), 2),
    ],
    ids=["AdEx", "HodgkinHuxley", "EscapeRate"],
)
def test_native_steps_take_any_cell(cell):
    assert nex.explain(nex.Population(cell, 3), inputs=1.0, record={"v": nex.voltage()}, key=jr.key(0)).kept == []


def test_a_refractory_cell_is_held_and_noise_needs_a_key():
    cell = nex.Refractory(nex.LIF(stepper=nex.EulerMaruyama(1.0)), 2.0)
    step = jax.jit(lambda state, current, key: cell.step(state, current, dt=0.5, key=key)[0])
    state = step(cell.init((4,)), jnp.array(1e4), jr.key(0))
    after = step(state, jnp.array(0.0), jr.key(1))
    np.testing.assert_array_equal(after.v, np.zeros(4))
    with pytest.raises(ValueError, match="EulerMaruyama needs randomness: pass `key`"):
        cell.step(state, 0.0, dt=0.5)


def test_gradients_and_batches(x64):
    """A path is a differentiable function of the noise's size, and a batch of keys is one run for each."""

    def end(size, key):
        model = nex.Population(nex.Leaky(5.0, stepper=nex.EulerMaruyama(size)), 3)
        return nex.simulate(model, 2.0, 0.5, 1.0, key=key).state.v.sum()

    both = jax.jit(jax.vmap(jax.value_and_grad(end), (None, 0)))
    values, slopes = both(0.4, jr.split(jr.key(0), 3))
    shifted, _ = both(0.5, jr.split(jr.key(0), 3))
    # Linear in the noise.
    np.testing.assert_allclose(shifted - values, 0.1 * slopes, rtol=1e-9)
    assert np.unique(values).size == 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nex.EulerMaruyama(-1.0), ValueError, "EulerMaruyama: `sigma` must not be negative"),
        (lambda: nex.Milstein(np.nan), ValueError, "Milstein: parameter `sigma` must be finite"),
        (lambda: nex.StochasticHeun([1.0, -1.0]), ValueError, "StochasticHeun: `sigma` must not be negative"),
        (lambda: nex.EulerMaruyama(1.0, nex.EulerMaruyama(1.0)), TypeError, "`drift` must be a stepper without noise"),
        (lambda: nex.Population(nex.LIF(stepper=nex.EulerMaruyama([1.0, 2.0])), 3), ValueError, "does not broadcast"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_noise_may_depend_on_the_time_of_the_run(x64):
    begins = nex.EulerMaruyama(lambda t, y: jnp.where(t > 4.95, 1.0, 0.0))
    model = nex.Population(nex.Leaky(stepper=begins), 3)
    v = nex.simulate(model, 10.0, 0.1, record={"v": nex.voltage()}, key=jr.key(0)).records["v"].values
    assert np.all(v[:50] == 0.0) and np.all(v[50:] != 0.0)
