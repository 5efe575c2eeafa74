"""Echo state networks against a loop in NumPy with the same matrices."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import connect
from neuroeqx.learn import echo_state, EchoState, nrmse, ridge


def by_numpy(net, u, activation=np.tanh):
    """The equation of the network, with its matrices written out. Float64."""
    w_in, w_rec = (np.asarray(w.todense(), np.float64) for w in (net.w_in, net.w_rec))
    leak, bias = np.asarray(net.leak, np.float64), np.asarray(net.bias, np.float64)
    x, states = np.zeros(w_rec.shape[0]), []
    for now in np.asarray(u, np.float64):
        x = (1.0 - leak) * x + leak * activation(now @ w_in + x @ w_rec + bias)
        states.append(x)
    return np.array(states)


def run(net, u):
    values = jnp.asarray(u, float)
    return nex.simulate(net, float(len(u)), 1.0, nex.Samples(values), record={"x": nex.output()}).records["x"].values


def mackey_glass(n, delay=170, per_sample=10):
    """dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x by the Runge-Kutta method of fourth order in steps of 0.1, of which
    the past value in the middle of a step is a mean; one sample each unit of time, after the transient."""
    x = np.full(delay + (n + 500) * per_sample, 1.2)
    gain = lambda past: 0.2 * past / (1.0 + past**10)
    for i in range(delay, len(x) - 1):
        start, end = gain(x[i - delay]), gain(x[i - delay + 1])
        middle = gain(0.5 * (x[i - delay] + x[i - delay + 1]))
        k1 = start - 0.1 * x[i]
        k2 = middle - 0.1 * (x[i] + 0.05 * k1)
        k3 = middle - 0.1 * (x[i] + 0.05 * k2)
        k4 = end - 0.1 * (x[i] + 0.1 * k3)
        x[i + 1] = x[i] + (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 60.0
    return np.tanh(x[-n * per_sample :: per_sample] - 1.0)


def test_prediction_of_mackey_glass(x64, ledger):
    """The series 10 samples ahead, from the first 1,500 samples; a reservoir of 250 cells that is stored nowhere."""
    u = mackey_glass(2000)[:, None]
    net = echo_state(1, 250, key=jr.key(1), leak=0.9, scale=1.0, radius=0.9, p_in=1.0, p_rec=0.1, bias=0.2)
    x = run(net, u)
    expected = by_numpy(net, u)
    ledger("EchoState", "the equation in NumPy", "state, 2,000 updates", np.abs(x - expected).max(), 1e-9)
    ahead, washout, split = 10, 100, 1500
    features, targets = x[washout:-ahead], u[washout + ahead :]
    readout = ridge(jnp.asarray(features[:split]), jnp.asarray(targets[:split]), 1e-8)
    error = float(nrmse(readout(jnp.asarray(features[split:])), jnp.asarray(targets[split:])))
    # A linear readout of the last 10 samples alone.
    delays = np.stack([np.roll(u[:, 0], i) for i in range(10)], 1)[washout:-ahead]
    linear = ridge(jnp.asarray(delays[:split]), jnp.asarray(targets[:split]), 1e-8)
    baseline = float(nrmse(linear(jnp.asarray(delays[split:])), jnp.asarray(targets[split:])))
    ledger("EchoState", "Mackey-Glass, 10 samples ahead", "NRMSE", error, 0.01)
    assert baseline > 10.0 * error


def test_stored_matrices_leaks_of_cells_and_other_functions(dtype):
    w_in = connect.from_dense(np.random.default_rng(0).normal(size=(3, 20)))(3, 20)
    w_rec = connect.bernoulli(0.3, connect.normal(0.0, 0.3))(20, 20, key=jr.key(0))
    leak = np.linspace(0.1, 1.0, 20)
    net = EchoState(w_in, w_rec, leak=leak, bias=0.1, activation=jax.nn.relu)
    u = np.random.default_rng(1).normal(size=(50, 3))
    expected = by_numpy(net, u, lambda x: np.maximum(x, 0.0))
    np.testing.assert_allclose(run(net, u), expected, rtol=1e-9 if dtype == "float64" else 1e-4, atol=1e-5)


def test_batches_and_the_laws_of_the_matrices():
    net = echo_state(4, 400, key=jr.key(2), leak=0.5, scale=0.3, radius=1.3, p_in=0.5, p_rec=0.1)
    w_in, w_rec = np.asarray(net.w_in.todense()), np.asarray(net.w_rec.todense())
    assert abs(np.abs(np.linalg.eigvals(w_rec)).max() - 1.3) < 0.1
    assert abs(w_rec[w_rec != 0].std() - 1.3 / np.sqrt(40)) < 0.005
    assert abs((w_rec != 0).mean() - 0.1) < 0.005 and abs((w_in != 0).mean() - 0.5) < 0.05
    assert 0.29 < np.abs(w_in).max() <= 0.3
    stored = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(net, eqx.is_array)) if leaf.ndim)
    assert stored < 10_000  # tables of the law, and not 16,000 synapses
    u = np.random.default_rng(3).normal(size=(3, 6, 4))
    together = jax.vmap(lambda u: nex.simulate(net, 6.0, 1.0, nex.Samples(u)).state)(jnp.asarray(u, float))
    for i in range(3):
        np.testing.assert_allclose(together[i], by_numpy(net, u[i])[-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda net: EchoState(connect.bernoulli(0.1), net.w_rec),
            TypeError,
            "`w_in` must be a connectivity, got Bern",
        ),
        (lambda net: EchoState(net.w_rec, net.w_in), ValueError, r"got \(10, 10\) and \(2, 10\)"),
        (lambda net: EchoState(net.w_in, net.w_rec, leak=1.5), ValueError, "`leak` must be above 0 and at most 1"),
        (lambda net: EchoState(net.w_in, net.w_rec, bias=[1.0, 2.0]), ValueError, r"`bias` must have shape \(\) or"),
        (lambda net: echo_state(2, 10, key=jr.key(0), radius=-1.0), ValueError, "`radius` must be finite and not neg"),
        (lambda net: nex.simulate(net, 3.0, 1.0, jnp.ones((3, 2))), ValueError, "For an array over time use Samples"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call(echo_state(2, 10, key=jr.key(0)))
