"""The training loop against one written in NumPy."""

import dataclasses
import operator
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax
import pytest
from neuroeqx.learn._structure import describe


class Line(eqx.Module):
    """y = scale (w x) + b, a function and a text among its leaves, with a Dropout that training does not reach."""

    w: jax.Array
    b: jax.Array
    scale: jax.Array
    shape: object = jnp.tanh
    name: str = "line"

    def __call__(self, x):
        return self.scale * (x @ self.w) + self.b


MODEL = Line(jnp.array([0.5, -0.3, 0.1]), jnp.array(0.2), jnp.array(2.0))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 3)).astype(np.float32)
Y = (X @ np.array([1.0, 2.0, -1.0]) + 0.3 * RNG.normal(size=23)).astype(np.float32)
# Training passes by this on its way.
HELD_X = X[:11] + 0.1
HELD_Y = (HELD_X @ np.array([0.6, 3.2, -1.3]) + 0.2 * RNG.normal(size=11)).astype(np.float32)
RATE, MOMENTUM, BATCH = 0.02, 0.9, 5
OPTIM = optax.sgd(RATE, momentum=MOMENTUM)
SOME = lambda m: (m.w, m.b)
TRACES = []


def loss(model, batch, key):
    TRACES.append(0)
    x, y = batch
    noise = 0.1 * jr.normal(key, y.shape)
    error = jax.vmap(model)(x) - y + noise
    return jnp.square(error).mean(), {"error": jnp.abs(error).mean()}


def squared(model, batch, key):
    return jnp.square(jax.vmap(model)(batch[0]) - batch[1])


class Objects:
    """The same data, batch by batch."""

    def __len__(self):
        return len(X)

    def __getitem__(self, samples):
        return X[samples], Y[samples]


def fit(data=(X, Y), function=loss, **more):
    options = {"optim": OPTIM, "epochs": 3, "key": jr.key(4), "batch": BATCH, "where": SOME, "progress": False}
    return nex.learn.fit(MODEL, function, data, **(options | more))


VALIDATION = {"validation": (HELD_X, HELD_Y), "metrics": {"squared": squared}, "choose": "min squared"}


@pytest.fixture(scope="module")
def done():
    del TRACES[:]
    return fit(**VALIDATION), len(TRACES)


def loop(epochs):
    """Gradient descent with momentum in float64, in the order and with the noise that `fit` promises."""
    w, b, scale = np.array([0.5, -0.3, 0.1]), 0.2, 2.0
    vw, vb, losses, errors, held, models = np.zeros(3), 0.0, [], [], [], []
    seed = np.asarray(jr.key_data(jr.key(4))).tolist()
    step_key, _ = jr.split(jr.key(4))
    for epoch in range(epochs):
        order = np.random.default_rng([*seed, epoch]).permutation(len(X))
        for i in range(len(X) // BATCH):
            chosen = order[i * BATCH : (i + 1) * BATCH]
            x, y = X[chosen].astype(float), Y[chosen].astype(float)
            noise = 0.1 * np.asarray(jr.normal(jr.fold_in(step_key, len(losses)), (BATCH,)))
            e = scale * (x @ w) + b - y + noise
            losses.append((e**2).mean())
            errors.append(np.abs(e).mean())
            vw, vb = MOMENTUM * vw + 2 * scale * (e @ x) / BATCH, MOMENTUM * vb + 2 * e.mean()
            w, b = w - RATE * vw, b - RATE * vb
        models.append((w, b))
        held.append(((scale * (HELD_X @ w) + b - HELD_Y) ** 2).mean())
    return losses, errors, held, models


def test_steps_are_those_of_a_loop_in_numpy(done):
    result, _ = done
    losses, errors, held, models = loop(3)
    assert len(losses) == 12
    np.testing.assert_allclose(result.steps["loss"], losses, rtol=1e-4)
    np.testing.assert_allclose(result.steps["error"], errors, rtol=1e-4)
    np.testing.assert_allclose(result.last.w, models[-1][0], rtol=1e-4)
    np.testing.assert_allclose(result.epochs["loss"], np.reshape(losses, (3, 4)).mean(1), rtol=1e-4)
    # Of 11 samples in batches of 3 the last has 2: all count in a metric, 9 in the loss.
    np.testing.assert_allclose(result.epochs["validation squared"], held, rtol=1e-4)
    best = int(np.argmin(held))
    assert best < 2 and result.chosen_epoch == best, "the example should have a best epoch that is not the last"
    np.testing.assert_allclose(result.chosen.w, models[best][0], rtol=1e-4)
    # What is not trained is as it was, and so is the model that was given.
    for model in (result.last, result.chosen):
        assert model.scale == 2.0 and model.shape is jnp.tanh and model.name == "line"
    np.testing.assert_array_equal(MODEL.w, np.float32([0.5, -0.3, 0.1]))


def test_double_precision(x64):
    model = Line(jnp.array([0.5, -0.3, 0.1]), jnp.array(0.2), jnp.array(2.0))
    options = {"optim": OPTIM, "epochs": 3, "key": jr.key(4), "batch": BATCH, "where": SOME, "progress": False}
    data, held = (tuple(np.asarray(x, float) for x in pair) for pair in ((X, Y), (HELD_X, HELD_Y)))
    result = nex.learn.fit(model, loss, data, validation=held, metrics={"squared": squared}, **options)
    losses, _, held, models = loop(3)
    assert result.steps["loss"].dtype == result.last.w.dtype == np.float64
    np.testing.assert_allclose(result.steps["loss"], losses, rtol=1e-11)
    np.testing.assert_allclose(result.last.w, models[-1][0], rtol=1e-11)
    np.testing.assert_allclose(result.epochs["validation squared"], held, rtol=1e-11)


def test_the_validation_loss_is_that_of_full_batches_with_keys_of_its_own(done):
    result, _ = done
    _, evaluation_key = jr.split(jr.key(4))
    expected = []
    for i in range(3):
        noise = 0.1 * np.asarray(jr.normal(jr.fold_in(evaluation_key, i), (3,)))
        part = slice(3 * i, 3 * i + 3)
        e = 2.0 * (HELD_X[part] @ result.last.w) + result.last.b - HELD_Y[part] + noise
        expected.append((e**2).mean())
    np.testing.assert_allclose(result.epochs["validation loss"][-1], np.mean(expected), rtol=1e-4)


def test_batches_of_an_object_and_more_epochs_are_the_same_program(done):
    result, traces = done
    del TRACES[:]
    longer = fit(epochs=9, **VALIDATION)
    # Shapes are found out once more; the programs are those of the run before.
    assert traces > len(TRACES) == 2
    for name, x in result.steps.items():
        np.testing.assert_array_equal(longer.steps[name][:12], x)
    del TRACES[:]
    single = fit(Objects(), epochs=3, **VALIDATION)
    assert len(TRACES) == traces, "one program for all batches"
    for name, x in result.steps.items():
        np.testing.assert_array_equal(single.steps[name], x)
    assert single.epochs == result.epochs and single.chosen_epoch == result.chosen_epoch
    np.testing.assert_array_equal(single.chosen.w, result.chosen.w)


def test_patience_ends_training_after_the_best_epoch(done):
    result, _ = done
    stopped = fit(epochs=9, patience=1, **VALIDATION)
    assert stopped.chosen_epoch == result.chosen_epoch == len(stopped.epochs["loss"]) - 2
    assert len(stopped.steps["loss"]) == 4 * len(stopped.epochs["loss"]) < 36


def test_other_gradients_plug_in(done):
    """Those that are half as long, with a step that is twice as long; the method sees the whole model."""
    seen = []

    def halved(function, *, has_aux):
        plain = eqx.filter_value_and_grad(function, has_aux=has_aux)

        def value_and_grad(model, *args):
            seen.append(describe(model))
            value, grads = plain(model, *args)
            return value, jax.tree.map(lambda x: 0.5 * x, grads)

        return value_and_grad

    result = fit(gradient=halved, optim=optax.sgd(2.0 * RATE, momentum=MOMENTUM))
    np.testing.assert_array_equal(result.steps["loss"], done[0].steps["loss"])
    assert all(words == describe(MODEL) for words in seen) and seen
    assert result.chosen is None and result.chosen_epoch is None and set(result.epochs) == {"loss", "error"}


def test_the_state_goes_from_batch_to_batch():
    """A running mean of inputs and a dropout, which an evaluation neither changes nor drops."""

    class Dropped(eqx.Module):
        w: jax.Array
        dropout: eqx.nn.Dropout

    def running(model, batch, key, state):
        mean, count = state
        x, y = batch
        error = model.dropout(x @ model.w, key=key) - y
        return jnp.square(error).mean(), (0.9 * mean + 0.1 * x.mean(0), count + 1)

    def silent(model, batch, key, state):
        return (model.dropout(jnp.ones(len(batch[0])), key=key) == 1.0).astype(float) + jnp.where(
            state[1] == 8, 1.0, 0.0
        )

    model = Dropped(MODEL.w, eqx.nn.Dropout(0.5))
    result = nex.learn.fit(
        model,
        running,
        (X, Y),
        optim=OPTIM,
        epochs=2,
        key=jr.key(4),
        batch=BATCH,
        state=(np.zeros(3, np.float32), 0),
        validation=(HELD_X, HELD_Y),
        metrics={"silent": silent},
        progress=False,
    )
    mean, seed = np.zeros(3), np.asarray(jr.key_data(jr.key(4))).tolist()
    for epoch in range(2):
        for chosen in np.random.default_rng([*seed, epoch]).permutation(len(X))[:20].reshape(4, 5):
            mean = 0.9 * mean + 0.1 * X[chosen].mean(0)
    np.testing.assert_allclose(result.state[0], mean, rtol=1e-5)
    assert result.state[1] == 8
    assert result.epochs["validation silent"] == [1.0, 2.0]


def test_one_line_of_progress(capsys, done):
    fit(epochs=2, progress=True, **VALIDATION)
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.endswith("\n")
    last = err.rstrip("\n").split("\r")[-1]
    assert "epoch 2/2" in last and f"validation squared {done[0].epochs['validation squared'][1]:.4g}" in last


def with_bad_metric(function):
    return {**VALIDATION, "metrics": {"bad": function}, "choose": "min loss"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "fit: `epochs` must be a whole number, at least 1, got 0"),
        ({"batch": 24}, ValueError, "`batch` must be at least 1 and at most the 23 samples, got 24"),
        (
            {"data": (X, Y[:5])},
            ValueError,
            r"must have the same number of samples, got 23 in data\[0\], 5 in data\[1\]",
        ),
        (
            {"data": {"x": X, "n": 3}},
            TypeError,
            r"`data`\['n'\] must be an array with a leading axis of samples, got 3",
        ),
        ({"data": 5}, TypeError, "`data` must be arrays .* got int"),
        ({"where": lambda m: m.name}, ValueError, "`where` selects no floating-point arrays"),
        ({"patience": 2}, ValueError, "`metrics`, `choose` and `patience` are about validation data"),
        ({**VALIDATION, "choose": "best loss"}, ValueError, "one of 'error', 'loss', 'squared', as in 'min loss'; got"),
        (
            with_bad_metric(lambda *_: jnp.zeros(())),
            ValueError,
            r"metric 'bad' must return a value for each sample .*\[3,",
        ),
        ({**VALIDATION, "metrics": {"loss": squared}}, ValueError, "no metric can be called 'loss'"),
        ({"function": squared}, ValueError, r"the value of `loss` must be one real number, got float32\[5\]"),
        ({"function": lambda *_: (0.0, 1.0)}, TypeError, "the aux of `loss` must be a dictionary of numbers"),
        ({"function": lambda *_: (0.0, {"x": jnp.ones(2)})}, ValueError, "'x' in the aux of `loss` must be one number"),
        ({"state": 1, "function": lambda *_: 0.0}, TypeError, r"`loss` must return \(value, state\) or"),
        (
            {"state": 1, "function": lambda *_: (0.0, 1.5)},
            TypeError,
            r"changes `state`\[0\] from int32\[\] to float32\[\]",
        ),
        ({"state": 1, "function": lambda *_: (0.0, (1, 2))}, TypeError, "changes the structure of `state`"),
        ({"every": 2}, ValueError, "give a `folder`"),
    ],
)
def test_errors_name_the_argument(options, error, message):
    with pytest.raises(error, match=message):
        fit(**options)


def test_batches_of_an_object_must_stay_of_one_form():
    class Ragged(Objects):
        def __getitem__(self, samples):
            x, y = X[samples], Y[samples]
            return (x, y) if 0 not in samples else (x[:3], y[:3])

    with pytest.raises(ValueError, match="must all have the same form"):
        fit(Ragged())


def test_the_page_of_documentation_names_what_there_is():
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        compile(block, "training.md", "exec")
    names = set(re.findall(r"\bnex((?:\.\w+)+)", text))
    assert len(names) > 5
    for name in names:
        operator.attrgetter(name[1:])(nex)


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(nex.learn.Fit)])
def test_the_result_is_documented(name):
    assert f"`{name}`" in nex.learn.Fit.__doc__
