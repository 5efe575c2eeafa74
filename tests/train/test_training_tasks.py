"""Tasks of the command line: small versions of them, and what they report."""

import json

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
from neuroeqx._cli import main
from neuroeqx.train import _force, _report, _reservoir, _stdp


def test_last_epoch_and_the_one_that_validation_chooses():
    found = _report.accuracies([[0.5, 0.9, 0.9], [0.1, 0.2, 0.3]], [[0.9, 0.7, 0.8], [0.6, 0.5, 0.4]])
    assert found["test_accuracy"] == [0.8, 0.4]
    assert (found["test_accuracy_chosen"], found["chosen_epoch"]) == ([0.7, 0.4], [2, 3])


def test_a_small_reservoir_reads_digits_and_prints_one_line_of_json(capsys):
    main(["train", "reservoir", "--cells", "120", "--epochs", "1", "--seeds", "1", "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert out.count("\n") == 1 and err.count("seed 0") == 1
    assert result["test_accuracy"] == result["test_accuracy_chosen"] and result["chosen_epoch"] == [1]
    assert 0.85 < result["test_accuracy"][0] < 1.0
    assert (result["train_size"], result["test_size"], result["cells"]) == (1157, 355, 120)


def test_an_epoch_sees_every_sample_once(x64):
    """Of a number that is no multiple of the batch's, in any order: it is ridge regression."""
    x = jr.normal(jr.key(0), (77, 9))
    y = jr.normal(jr.key(1), (77, 2))
    rls = nex.learn.RLS(0.5)
    state = _reservoir.epoch(rls, rls.init(9, 2), x, y, jr.key(2))
    expected = np.linalg.solve(x.T @ x + 0.5 * np.eye(9), x.T @ y)
    np.testing.assert_allclose(state.weights, expected, rtol=1e-9)


def test_tables(capsys):
    _report.show({"task": "some", "score": [0.25, 0.5], "seeds": [0, 1]}, False)
    assert capsys.readouterr().out.splitlines() == [
        "task                     some",
        "",
        "score  seeds",
        " 0.25      0",
        "  0.5      1",
    ]


def test_the_synapses_of_force_have_the_area_that_is_said():
    t = np.arange(0.0, 1000.0, 0.01)
    kernel = (np.exp(-t / _force.DECAY) - np.exp(-t / _force.RISE)) / (_force.DECAY - _force.RISE)
    np.testing.assert_allclose(kernel.max(), _force.PEAK, rtol=1e-4)
    synapse = nex.DualExpon(_force.DECAY, _force.RISE)
    state = synapse.inject(synapse.init(()), lambda h: h + 1.0)
    found = jax.vmap(lambda dt: synapse.output(synapse.decay(state, dt=dt)))(jnp.asarray(t[:10_000:500], float))
    np.testing.assert_allclose(found * _force.PEAK, kernel[:10_000:500], rtol=1e-3, atol=1e-7)


def test_plasticity_tells_two_images_apart():
    """Two images by turns: neurons come to answer one of them, with weights from its pixels."""
    images = jnp.stack([jnp.repeat(jnp.asarray([1.0, 0.0]), 8), jnp.repeat(jnp.asarray([0.0, 1.0]), 8)])
    net = _stdp.network(16, 4, jr.key(0))
    begin = _stdp.normalised(net.init(dt=_stdp.DT))
    state = _stdp.epoch(net, begin, jnp.tile(images, (12, 1)), jr.key(1))
    share = lambda s: np.abs(np.asarray(s.weights["learning"][:8].sum(0)) / _stdp.TOTAL - 0.5)
    np.testing.assert_allclose(state.weights["learning"].sum(0), _stdp.TOTAL, rtol=1e-5)
    assert share(begin).max() < 0.3 and share(state).max() > 0.45
    still, rest = _stdp.frozen(net, state)
    assert not rest.weights
    np.testing.assert_array_equal(rest.populations["features"].cell.a, state.populations["features"].cell.a)
    np.testing.assert_array_equal(still.projections["learning"].comm.todense(), state.weights["learning"])
