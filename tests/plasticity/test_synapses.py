"""The operations on which rules are written: event-driven as defined for all synapses, also in their derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx.connect import plastic
from neuroeqx.connect._plastic import _along, _everywhere


class Change(eqx.Module):
    """Of a weight towards what its source and target say."""

    gain: jax.Array

    def __call__(self, w, x, y):
        return self.gain * jnp.cos(w) * x["a"] * (0.5 + y)


def matrix(kind, rng, n_pre=70, n_post=60, k=40):
    """With more synapses than are changed as a whole."""
    dense = rng.uniform(0.1, 0.9, (n_pre, n_post))
    if kind == "Dense":
        return nex.connect.Dense(dense)
    if kind == "FanOut":
        return nex.connect.FanOut(dense[:, :k], np.stack([rng.permutation(n_post)[:k] for _ in range(n_pre)]), n_post)
    lengths = rng.integers(20, n_post, n_pre)
    lengths[[0, 5, -1]] = 0, n_post, 0
    columns = np.concatenate([rng.permutation(n_post)[:n] for n in lengths])
    return nex.connect.CSR(
        rng.uniform(0.1, 0.9, columns.size), columns, np.concatenate([[0], np.cumsum(lengths)]), n_post
    )


@pytest.mark.parametrize("kind", ["Dense", "CSR", "FanOut"])
def test_it_is_what_it_means(kind, x64):
    rng = np.random.default_rng(3)
    comm, synapses = plastic(matrix(kind, rng))
    assert comm.nnz > 2 * nex.ops.CHUNK
    n_pre, n_post = comm.shape
    spikes = lambda n: jnp.asarray(np.where(rng.random(n) < 0.3, rng.choice([1.0, 2.0], n), 0.0))
    pre, post = {"a": jnp.asarray(rng.normal(size=n_pre))}, jnp.asarray(rng.normal(size=n_post))
    s, r = spikes(n_pre), spikes(n_post)

    def both(function, change, w, s, r, pre, post, limits):
        w = function(synapses, False, change, w, s, pre, post, limits)
        return function(synapses, True, change, w, r, pre, post, limits)

    limits = jnp.asarray(0.1), jnp.asarray(0.9)
    args = Change(jnp.asarray(0.2)), comm.weight, s, r, pre, post, limits
    g = jnp.asarray(rng.normal(size=synapses.shape))

    @eqx.filter_jit
    def found_and_meant(args):
        loss = lambda function: lambda args: jnp.sum(g * both(function, *args))
        change, w, s, _, *rest = args
        one = lambda s: synapses.rows(change, w, s, *rest)
        values = both(_along, *args), both(_everywhere, *args)
        if kind != "CSR":  # what follows knows nothing of the kind of matrix
            return values, ((), ()), (one(s), one(0 * s))
        return (
            values,
            [eqx.filter_grad(loss(f))(args) for f in (_along, _everywhere)],
            jax.vmap(one)(jnp.stack([s, 0 * s])),
        )

    (found, meant), gradients, (first, silent) = found_and_meant(args)
    assert found.min() == 0.1 and found.max() == 0.9
    np.testing.assert_allclose(found, meant, rtol=0, atol=1e-14)
    assert np.array_equal(silent, comm.weight)  # no spike, no change, to the bit
    # By hand, for the first operation.
    dense, (i, j) = np.asarray(comm.todense()), np.nonzero(np.asarray(comm.todense()))
    new = dense[i, j] + np.asarray(s)[i] * 0.2 * np.cos(dense[i, j]) * np.asarray(pre["a"])[i] * (
        0.5 + np.asarray(post)[j]
    )
    found = np.asarray(eqx.tree_at(lambda c: c.weight, comm, first).todense())[i, j]
    np.testing.assert_allclose(found, np.clip(new, 0.1, 0.9), rtol=0, atol=1e-14)
    for a, b in zip(*map(jax.tree.leaves, gradients), strict=True):
        assert float(jnp.abs(a).max()) > 0
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_what_cannot_keep_weights_is_refused():
    part = lambda comm: nex.Network(
        {"a": nex.Poisson(1.0, 3), "b": nex.Population(nex.LIF(), 4, {"x": nex.Receptor(nex.Expon(), nex.CUBA())})},
        [nex.Projection("a", "b", "x", comm, plasticity=nex.plasticity.STDP())],
        key=jax.random.key(0),
    )
    rule = nex.connect.procedural(nex.connect.bernoulli(0.5, weight=1.0))
    with pytest.raises(TypeError, match="'a->b:x' has plasticity: a Procedural matrix keeps no weights"):
        part(rule)
    with pytest.raises(ValueError, match="synapses with delays of their own are not plastic"):
        part(nex.connect.bernoulli(0.5, weight=1.0, delay=nex.connect.integers(1, 4)))
    with pytest.raises(ValueError, match="bfloat16 would lose small changes"):
        part(nex.connect.Dense(jnp.ones((3, 4), jnp.bfloat16)))
    with pytest.raises(ValueError, match="begins with a weight of 1.5, but STDP keeps weights within"):
        part(nex.connect.Dense(jnp.full((3, 4), 1.5)))
    assert isinstance(part(nex.connect.all_to_all(0.5)).projections["a->b:x"].comm, nex.connect.CSR)
