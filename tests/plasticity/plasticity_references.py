"""Networks whose spikes are given, and rules over lists of spikes in NumPy."""

import functools

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np


def trains(rng, n, steps, p=0.1):
    """0/1 spikes `[steps, n]`."""
    return (rng.random((steps, n)) < p).astype(float)


def relay(n, receptors=("syn",)):
    """Cells that fire in exactly the steps in which they are driven with 1e9, whatever synapses of weight 1 do to them."""
    cell = nex.LIF(tau=1.0, v_rest=0.0, v_th=1e6, v_reset=0.0)
    return nex.Population(cell, n, {name: nex.Receptor(nex.Instant(), nex.CUBA()) for name in receptors})


def source(spikes, dt):
    """A source that puts out the spikes `[steps, n]`."""
    steps, cells = np.nonzero(spikes)
    return nex.SpikeTimes((steps + 0.5) * dt, cells, spikes.shape[1])


def driven(projections, pre, post, dt, key=None, **inputs):
    """The solution of a network of "pre" and "post", whose spikes are given, and its drives."""
    net = nex.Network({"pre": source(pre, dt), "post": relay(post.shape[1])}, projections, key=key)
    drives = {"post": nex.Samples(jnp.asarray(post * 1e9)), **inputs}
    record = {"post": nex.output("post")}
    sol = nex.simulate(net, len(pre) * dt, dt, inputs=drives, record=record, fused=False)
    np.testing.assert_array_equal(sol.records["post"].values, post)
    return net, sol


def pairs(w, pre, post, dt, *, up, down, tau_plus, tau_minus, nearest, low=-np.inf, high=np.inf):
    """One synapse under pair STDP, over its list of spikes: no traces, sums over pairs.

    `pre` are the steps of arrivals. `up` and `down` are the amplitudes at a weight, without their exponentials.
    """
    pre, post = np.asarray(pre), np.asarray(post)

    def summed(times, step, tau):
        before = times[times < step]
        return np.exp((before[-1:] if nearest else before) * (dt / tau) - step * dt / tau).sum()

    for step in np.union1d(pre, post):
        if step in post:
            w = min(max(w + up(w) * summed(pre, step, tau_plus), low), high)
        if step in pre:
            w = min(max(w - down(w) * summed(post, step, tau_minus), low), high)
    return w


def each_synapse(function, weights, pre, post, lag):
    """`function(w, arrivals, spikes)` for every synapse of a matrix (NaN: none)."""
    out = np.full(weights.shape, np.nan)
    arrivals = [[int(s) + lag for s in np.nonzero(pre[:, i])[0] if s + lag < len(pre)] for i in range(pre.shape[1])]
    spikes = [[int(s) for s in np.nonzero(post[:, j])[0]] for j in range(post.shape[1])]
    for i, j in zip(*np.nonzero(~np.isnan(weights)), strict=True):
        out[i, j] = function(weights[i, j], arrivals[i], spikes[j])
    return out


def matrices(rng, n_pre, n_post, k):
    """The same kind of weights in three forms: name -> (connectivity, weights as a matrix with NaN where there is none)."""
    dense = rng.uniform(0.2, 0.8, (n_pre, n_post))
    sparse = np.where(rng.random((n_pre, n_post)) < 0.5, dense, np.nan)
    rows, columns = np.nonzero(~np.isnan(sparse))
    csr = nex.connect.CSR(sparse[rows, columns], columns, np.searchsorted(rows, np.arange(n_pre + 1)), n_post)
    chosen = np.stack([rng.permutation(n_post)[:k] for _ in range(n_pre)])
    fan = np.full((n_pre, n_post), np.nan)
    np.put_along_axis(fan, chosen, np.take_along_axis(dense, chosen, 1), 1)
    return {
        "Dense": (nex.connect.Dense(dense), dense),
        "CSR": (csr, sparse),
        "FanOut": (nex.connect.FanOut(np.take_along_axis(dense, chosen, 1), chosen, n_post), fan),
    }


def as_matrix(comm, weights):
    """Weights of the state as a matrix with NaN where there is no synapse."""
    filled = functools.partial(np.full, comm.shape, np.nan)
    if isinstance(comm, nex.connect.Dense):
        return np.asarray(weights)
    out = filled()
    rows = np.repeat(np.arange(comm.shape[0]), comm.columns.shape[1]) if comm.columns.ndim == 2 else comm.rows
    out[np.asarray(rows), np.asarray(comm.columns).reshape(-1)] = np.asarray(weights).reshape(-1)
    return out
