"""The same steps as native code and in XLA."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
from jax import lax
from neuroeqx.fuse import while_loop


TOLERANCES = {"float32": 1e-5, "float64": 1e-11}


def rounds(body, carry, native=True, count=5):
    """Some rounds in native code (or said not to be), and in XLA."""
    condition = lambda state: state[0] < count
    full = lambda state: (state[0] + 1, body(*state))
    ours = jax.jit(lambda carry: while_loop(condition, full, (jnp.int32(0), carry))[1])
    assert ("neuroeqx_fused_while" in ours.lower(carry).as_text()) == native
    return ours(carry), jax.jit(lambda carry: lax.while_loop(condition, full, (jnp.int32(0), carry))[1])(carry)


def assert_close(ours, truth, dtype="float64", tolerance=None):
    tolerance = tolerance or TOLERANCES[dtype]
    for a, b in zip(*map(jtu.tree_leaves, (ours, truth)), strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def outcome(model, drive, t1, dt, record, fused):
    sol = nex.simulate(model, t1, dt, drive, record={"o": record}, fused=fused)
    return sol.records["o"].values, [x for x in jtu.tree_leaves(sol.state) if eqx.is_array(x)]


def assert_native_run(model, drive, dtype, t1=40.0, dt=0.1, least=20):
    """A run from Python, one under `jit`, and a batch of drives under `vmap`.

    In single precision a short one, for a spike one step later is another course; and differences grow with the slope of
    a spike in double precision too.
    """
    close = lambda ours, truth: assert_close(ours, truth, dtype, 1e-8 if dtype == "float64" else 1e-4)
    assert nex.explain(model, dt, drive).kept == []
    record, t1 = nex.output(), t1 if dtype == "float64" else 3 * dt
    run = lambda drive, fused: outcome(model, drive, t1, dt, record, fused)
    truth = run(drive, False)
    assert dtype == "float32" or np.count_nonzero(truth[0]) >= least
    close(run(drive, True), truth)
    if callable(drive):
        return
    compiled = jax.jit(lambda drive: run(drive, True)).lower(drive)
    assert "neuroeqx_fused_" in compiled.as_text()
    close(compiled.compile()(drive), truth)
    drives = jnp.stack([jnp.asarray(factor * drive) for factor in (0.9, 1.0, 1.2)])
    together = jax.jit(jax.vmap(lambda drive: run(drive, True))).lower(drives)
    assert "neuroeqx_fused_" in together.as_text()
    together = together.compile()(drives)
    for k, drive in enumerate(drives):
        close([x[k] for x in jtu.tree_leaves(together)], jtu.tree_leaves(run(drive, False)))
