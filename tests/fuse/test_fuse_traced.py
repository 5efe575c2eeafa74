"""Native loops inside of transformations: compiled, over batches, differentiated; and what is kept on disk."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


N = 70


def network():
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)), "i": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0))}
    cell = nex.Refractory(nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 2.0)
    return nex.Network(
        {"N": nex.Population(cell, N, receptors, v0=lambda key, shape: -60.0 + 8.0 * jr.uniform(key, shape))},
        [
            nex.Projection(nex.part("N", 0, 50), "N", "e", nex.connect.fixed_out_degree(9, 0.2)),
            nex.Projection(nex.part("N", 50, N), "N", "i", nex.connect.bernoulli(0.2, 0.9)),
        ],
        key=jr.key(3),
    )


def run(net, drive, fused, key=None, t1=50.0):
    """With records that do not divide the number of steps."""
    some, all_ = nex.voltage("N", indices=[2, 69], every=7), nex.voltage("N", every=40)
    record = {"s": nex.spikes("N", capacity=8000), "some": some, "all": all_}
    sol = nex.simulate(net, t1, 0.1, {"N": drive}, record=record, key=jr.key(1) if key is None else key, fused=fused)
    return sol.records, sol.state


def assert_same(ours, truth):
    assert np.all(np.asarray(truth[0]["s"].count) > 5)
    for a, b in zip(*map(jax.tree.leaves, (ours, truth)), strict=True):
        if jnp.issubdtype(a.dtype, jnp.inexact):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
        else:
            np.testing.assert_array_equal(a, b)


def compiled(function, *args):
    """The result, from a program in which there is a native loop."""
    lowered = jax.jit(function).lower(*args)
    assert "neuroeqx_fused_while" in lowered.as_text()
    return lowered.compile()(*args)


def test_jit(x64):
    net = network()
    assert_same(
        compiled(lambda drive: run(net, drive, True), 20.0), jax.jit(lambda drive: run(net, drive, False))(20.0)
    )


def test_batches_of_drives_keys_and_parameters(x64):
    net = network()
    drives = jnp.linspace(15.0, 25.0, 5)
    each = lambda function, xs: jax.tree.map(lambda *x: jnp.stack(x), *map(jax.jit(function), xs))
    ours = compiled(jax.vmap(lambda drive: run(net, drive, True)), drives)
    assert_same(ours, each(lambda drive: run(net, drive, False), drives))
    # Of many members each thread has room for one.
    many = jnp.linspace(15.0, 25.0, 60)
    short = lambda fused: jax.vmap(lambda drive: run(net, drive, fused, t1=20.0))
    assert_same(compiled(short(True), many), jax.jit(short(False))(many))
    # Keys, and a batch of one for which no thread has anything to do.
    for n in (3, 1):
        keys = jr.split(jr.key(8), n)
        ours = compiled(jax.vmap(lambda key: run(net, 20.0, True, key)), keys)
        assert_same(ours, each(lambda key: run(net, 20.0, False, key), keys))
    leaf = lambda net: next(iter(net.projections.values())).comm.weight
    changed = lambda weight: eqx.tree_at(leaf, net, weight)
    weights = leaf(net) * jnp.array([0.5, 1.0, 2.0])
    ours = compiled(jax.vmap(lambda weight: run(changed(weight), 20.0, True)), weights)
    assert_same(ours, each(lambda weight: run(changed(weight), 20.0, False), weights))


def test_batches_of_batches(x64):
    net = network()
    drives, extra = jnp.linspace(15.0, 25.0, 3), jnp.array([0.0, 1.0])
    both = lambda fused: lambda drive, extra: run(net, drive + extra, fused)
    nested = lambda fused: jax.vmap(jax.vmap(both(fused), (0, None)), (None, 0))
    assert_same(compiled(nested(True), drives, extra), jax.jit(nested(False))(drives, extra))
    only = lambda fused: jax.vmap(jax.vmap(lambda drive: run(net, drive, fused), 0), 1)
    grid = drives[:, None] + extra[None]
    assert_same(compiled(only(True), grid), jax.jit(only(False))(grid))


def test_gradients_are_those_of_the_plain_steps(dtype):
    net = network()

    def loss(drive, fused):
        return jnp.mean(run(net, drive, fused, t1=20.0)[0]["all"].values ** 2)

    drive = jnp.asarray(14.0)
    for derivative in (jax.grad, jax.jacfwd):
        ours, truth = (jax.jit(derivative(lambda drive, f=fused: loss(drive, f)))(drive) for fused in (True, False))
        assert abs(truth) > 1e-3
        np.testing.assert_allclose(ours, truth, rtol=1e-5 if dtype == "float32" else 1e-10)
    ours = jax.jit(jax.vmap(jax.value_and_grad(lambda drive: loss(drive, True))))(drive + jnp.arange(2.0))
    truth = jax.jit(jax.vmap(jax.value_and_grad(lambda drive: loss(drive, False))))(drive + jnp.arange(2.0))
    for a, b in zip(ours, truth, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "float32" else 1e-10)


def test_no_leaks(no_leaks):
    net = network()
    state = net.init(dt=0.1, key=jr.key(0))
    record = {"all": nex.voltage("N", every=10)}
    mean = lambda drive: (
        nex.simulate(net, 2.0, 0.1, {"N": drive}, state=state, record=record).records["all"].values.mean()
    )
    with no_leaks():
        jax.eval_shape(jax.grad(lambda drives: jax.vmap(mean)(drives).sum()), jnp.array([20.0, 25.0]))


def test_records_that_overflow_are_told():
    net = network()
    few = {"s": nex.spikes("N", capacity=3)}
    with pytest.raises(Exception, match="more spikes than record"):
        jax.block_until_ready(
            jax.jit(lambda key: nex.simulate(net, 50.0, 0.1, {"N": 25.0}, record=few, key=key).records)(jr.key(0))
        )


def test_code_is_kept_on_disk(tmp_path, monkeypatch):
    """In a folder of the user's choice; where nothing can be written, it is made again."""
    from neuroeqx.ops import _machine

    made = []
    make = lambda: made.append(1) or b"code"
    monkeypatch.setenv("NEUROEQX_CACHE_DIR", str(tmp_path / "new"))
    assert [_machine.remembered("a key", make) for _ in range(3)] == [b"code"] * 3 and len(made) == 1
    assert len(list((tmp_path / "new").iterdir())) == 1
    _machine.remembered("another key", make)
    assert len(made) == 2
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NEUROEQX_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert [_machine.remembered("a key", make) for _ in range(2)] == [b"code"] * 2 and len(made) == 4


@pytest.mark.parametrize("make", [network, lambda: nex.Population(nex.LIF(), 20)], ids=["loop", "scan"])
def test_what_is_exported_has_no_native_code(make):
    """Which would not be there in the process that loads it."""
    model = make()
    where = "N" if isinstance(model, nex.Network) else None
    record = {"v": nex.voltage(where)}

    @jax.jit
    def program(x):
        drive = x if where is None else {where: x}
        return nex.simulate(model, 5.0, 0.1, drive, record=record, key=jr.key(0)).records["v"].values

    x = jnp.asarray(20.0)
    assert "neuroeqx_fused" in program.lower(x).as_text()
    exported = jax.export.export(program, disabled_checks=nex.ops.export_checks())(jax.ShapeDtypeStruct((), x.dtype))
    assert "neuroeqx_fused" not in exported.mlir_module()
    np.testing.assert_allclose(exported.call(x), program(x), rtol=1e-5)
