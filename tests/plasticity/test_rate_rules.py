"""Rules of rates against plain loops, and what they are known to find."""

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np


def learnt(rule, x, w, dt, tau=None):
    """Linear targets of what arrives, `y = x w` of the same step: weights and outputs over time.

    The source is a graded cell that follows its drive at once; so is the target.
    """
    now = lambda **p: nex.Graded(tau=1e-3, activation=_same, **p)
    net = nex.Network(
        {
            "in": nex.Population(now(), x.shape[1]),
            "out": nex.Population(now(), w.shape[1], {"x": nex.Receptor(nex.Instant(), nex.CUBA())}),
        },
        {"p": nex.Projection("in", "out", "x", nex.connect.Dense(w), plasticity=rule)},
    )
    record = {"w": nex.state(_weights), "y": nex.output("out")}
    return nex.simulate(net, len(x) * dt, dt, inputs={"in": nex.Samples(jnp.asarray(x))}, record=record).records


def _same(v):
    return v


def _weights(state):
    return state.weights["p"]


def test_oja_finds_the_leading_eigenvector(x64, ledger):
    rng = np.random.default_rng(2)
    mix = rng.normal(size=(5, 5))
    x = rng.normal(size=(4000, 5)) @ mix.T
    x = np.concatenate([x] * 3)
    w = rng.normal(size=(5, 2)) * 0.1
    eta, alpha = 2e-4, 0.5
    found = learnt(nex.plasticity.Oja(eta, alpha), x, w, 1.0)["w"].values
    plain, arrived = w.copy(), np.zeros(5)
    for t in range(len(x)):
        y = arrived @ plain
        plain = plain + eta * (arrived[:, None] * y - alpha * y**2 * plain)
        arrived = x[t]
        if t == 999:
            early = plain.copy()
    ledger(
        "Oja", "a plain loop", "weights", max(np.abs(found[999] - early).max(), np.abs(found[-1] - plain).max()), 1e-10
    )
    values, vectors = np.linalg.eigh(x.T @ x)
    cosine = np.abs(found[-1].T @ vectors[:, -1]) / np.linalg.norm(found[-1], axis=0)
    assert values[-1] > 1.5 * values[-2]
    ledger("Oja", "leading eigenvector of the covariance", "1 - cosine of the angle", 1 - cosine.min(), 0.01)
    length = np.abs(np.linalg.norm(found[-1], axis=0) * alpha**0.5 - 1).max()
    ledger("Oja", "1 / sqrt(alpha)", "length of the weights, relative", length, 0.05)


def test_bcm_becomes_selective(x64, ledger):
    """Two patterns in turn: a target comes to answer one of them, with 2 y_0, and not the other."""
    rng = np.random.default_rng(4)
    patterns = np.array([[1.0, 0.1], [0.1, 1.0]])
    x = patterns[rng.integers(0, 2, 20000)]
    w = np.array([[0.5, 0.45], [0.45, 0.5]])
    eta, tau, y_0 = 2e-3, 100.0, 1.0
    rule = nex.plasticity.BCM(eta, tau, y_0, theta_0=0.2, w_min=0.0)
    found = learnt(rule, x, w, 1.0)
    plain, theta, arrived = w.copy(), np.full(2, 0.2), np.zeros(2)
    for t in range(len(x)):
        y = arrived @ plain
        plain = np.maximum(plain + eta * arrived[:, None] * (y * (y - theta)), 0.0)
        theta = theta * np.exp(-1 / tau) + y**2 / y_0 * (1 - np.exp(-1 / tau))
        arrived = x[t]
    ledger("BCM", "a plain loop", "weights", np.abs(found["w"].values[-1] - plain).max(), 1e-10)
    answers = np.sort(patterns @ plain, axis=0)
    # Half of the time one pattern: theta = y^2 / (2 y_0) = y at y = 2 y_0.
    assert np.all(answers[0] < 0.4)
    ledger("BCM", "fixed point 2 y_0 of one pattern in two", "answer, relative", np.abs(answers[1] / 2 - 1).max(), 0.1)
