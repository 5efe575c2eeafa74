"""Files of pytrees: bit for bit, whole or not at all, and only into the same form."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax
import pytest
from neuroeqx.learn import _checkpoint as checkpoint, _fit


def everything(scale=1.0):
    net = nex.Network(
        {"E": nex.Population(nex.LIF(tau=20.0 * scale), 5, {"exc": nex.Receptor(nex.Expon(5.0), nex.CUBA())})},
        [nex.Projection("E", "E", "exc", nex.connect.bernoulli(0.5, 0.3 * scale))],
        key=jr.key(0),
    )
    return {
        "net": net,
        "state": net.init(dt=0.5, key=jr.key(1)),
        "keys": (jr.key(int(scale)), jr.split(jr.key(int(scale), impl="rbg"), 3)),
        "half": jnp.asarray([scale, jnp.nan, -0.0], jnp.bfloat16),
        "numpy": np.asarray([[scale]]),
        "optim": optax.adam(1e-3).init(scale * jnp.ones(3)),
        "rest": [jnp.tanh, "text", 3, None, jnp.zeros((0, 2)), jnp.asarray(True)],
    }


def bits(x):
    return np.asarray(jr.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x).tobytes()


def test_what_is_read_is_what_was_written(tmp_path):
    tree, like = everything(), everything(2.0)
    nex.learn.save(tmp_path / "tree", tree)
    read = nex.learn.load(tmp_path / "tree", like)
    assert jax.tree.structure(read) == jax.tree.structure(tree)
    for a, b, c in zip(*map(jax.tree.leaves, (read, tree, like)), strict=True):
        if eqx.is_array(a) or isinstance(a, np.ndarray):
            assert type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and bits(a) == bits(b)
        else:
            assert a is c
    assert read["numpy"].flags.writeable
    assert jr.uniform(read["keys"][0]) == jr.uniform(tree["keys"][0])


CELL = lambda net: net.populations["E"].cell


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t | {"half": t["half"][:2]}, r"its `\['half'\]` is bfloat16\[3\], and bfloat16\[2\] is expected"),
        (lambda t: t | {"optim": optax.sgd(1.0).init(jnp.ones(3))}, r"its `\['optim'\]\[0\]` is optax.*ScaleByAdam"),
        (lambda t: t | {"keys": t["keys"][:1]}, r"it has `\['keys'\]\[1\]` where `\['net'\]` is expected"),
        (
            lambda t: t | {"net": eqx.tree_at(lambda n: CELL(n).surrogate, t["net"], nex.Arctan())},
            r"its `\['net'\].*surrogate` is .*SuperSpike, and .*Arctan is expected",
        ),
        (
            lambda t: t | {"net": eqx.tree_at(lambda n: CELL(n).tau, t["net"], jnp.ones(5))},
            r"its `\['net'\].*\.tau` is float32\[\], and float32\[5\] is expected",
        ),
        (lambda t: t | {"rest": [*t["rest"][:2], 4, *t["rest"][3:]]}, r"its `\['rest'\]\[2\]` is 3, and 4 is expected"),
        (lambda t: t | {"rest": [jnp.sin, *t["rest"][1:]]}, r"\['rest'\]\[0\]` is .*tanh, and .*sin is expected"),
        (lambda t: t | {"zebra": 1}, r"it has no `\['zebra'\]`"),
    ],
)
def test_the_first_leaf_that_differs_is_named(tmp_path, change, message):
    tree = everything()
    nex.learn.save(tmp_path / "tree", tree)
    with pytest.raises(ValueError, match=message):
        nex.learn.load(tmp_path / "tree", change(tree))


def test_static_fields_count(tmp_path):
    nex.learn.save(tmp_path / "rule", nex.plasticity.STDP(nearest=True))
    with pytest.raises(ValueError, match="its `.nearest` is True, and False is expected"):
        nex.learn.load(tmp_path / "rule", nex.plasticity.STDP())


def test_files_of_other_versions_and_damaged_ones_are_refused(tmp_path, monkeypatch):
    path, x = tmp_path / "x", jnp.arange(100.0)
    nex.learn.save(path, x)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-40] + b"?" + whole[-39:], whole + b"\0"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            nex.learn.load(path, x)
    path.write_bytes(b"PK" + whole)
    with pytest.raises(ValueError, match="is no file of nex.learn.save"):
        nex.learn.load(path, x)
    monkeypatch.setattr(checkpoint, "VERSION", 2)
    nex.learn.save(path, x)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="is in version 2 of the format; this version of neuroeqx reads and writes 1"):
        nex.learn.load(path, x)


def test_a_write_that_fails_leaves_the_file_of_before(tmp_path, monkeypatch):
    path, x = tmp_path / "x", jnp.arange(3.0)
    nex.learn.save(path, x)

    def full(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        nex.learn.save(path, x + 1.0)
    monkeypatch.undo()
    np.testing.assert_array_equal(nex.learn.load(path, x), x)
    nex.learn.save(path, x + 1.0)
    np.testing.assert_array_equal(nex.learn.load(path, x), x + 1.0)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def loss(model, batch, key):
    return jnp.square(model(batch["x"]).sum() + jr.normal(key)), {"one": 1}


class Scale(eqx.Module):
    a: jax.Array
    random: jax.Array

    def __call__(self, x):
        return self.a * x * self.random


def metric(model, batch, key):
    return jnp.abs(model(batch["x"]))


OPTIM = optax.sgd(0.01)


def fit(folder, **more):
    """Where a model has something random that is not trained, the checkpoint's counts."""
    options = {"epochs": 3, "optim": OPTIM, "key": jr.key(0), "batch": 2, "folder": folder, "progress": False}
    model = Scale(jnp.asarray(1.0), jr.uniform(jr.key(more.pop("seed", 0)), (), minval=0.5))
    data = {"x": np.linspace(-1.0, 2.0, 9, dtype=np.float32)}
    held = {"validation": data, "metrics": {"size": metric}, "where": lambda m: m.a}
    return nex.learn.fit(model, loss, data, **(options | held | more))


def test_fit_goes_on_from_its_folder_with_arrays_and_choices(tmp_path, monkeypatch):
    whole = fit(tmp_path / "whole")
    # Interrupted by an error in the second epoch, after the checkpoint of step 6.
    evaluate, calls = _fit.Training._evaluate, []

    def fails(self, validation):
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(self, validation)

    monkeypatch.setattr(_fit.Training, "_evaluate", fails)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "part", every=3)
    monkeypatch.undo()
    for resumed in (fit(tmp_path / "part", every=3, resume=True, seed=1), fit(tmp_path / "part", resume=True, seed=2)):
        np.testing.assert_array_equal(resumed.steps["loss"], whole.steps["loss"])
        assert resumed.epochs == whole.epochs and resumed.chosen_epoch == whole.chosen_epoch
        for a, b in zip(jax.tree.leaves(resumed.last), jax.tree.leaves(whole.last), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(resumed.chosen.a, whole.chosen.a)
    assert len(whole.steps["loss"]) == 12 and whole.steps["one"].dtype == np.int32
    longer = fit(tmp_path / "part", resume=True, epochs=4)
    np.testing.assert_array_equal(longer.steps["loss"][:12], whole.steps["loss"])
    assert len(longer.epochs["loss"]) == 4
    with pytest.raises(ValueError, match="there is a checkpoint in .*part already: give resume=True"):
        fit(tmp_path / "part")
    for option, message in (
        ({"batch": 3}, r"its `.plan\['batch'\]` is 2, and 3 is expected"),
        ({"key": jr.key(5)}, r"its `.plan\['order'\]\[1\]` is 0, and 5 is expected"),
        (
            {"optim": optax.sgd(0.01, momentum=0.5)},
            r"its `.opt_state\[0\]` is optax.*EmptyState, and optax.*TraceState",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            fit(tmp_path / "part", resume=True, **option)
