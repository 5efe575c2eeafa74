"""The solution of a tree in pure JAX: its nodes are eliminated in some log2(nodes) rounds.

A node k that is eliminated leaves its neighbours with the same conductances and sources as before seen from outside (a star is
replaced by a mesh of at most two). Only positive numbers are added, so nothing cancels, however small what flows to the
ground is beside what flows along the tree.
"""

import jax.numpy as jnp

from ._room import numbers


def solve(shunt, coupling, source, order, *, tree):
    del order
    nodes, size = len(tree), source.shape[-1]
    batch = source.shape[:-1]

    def whole(x):
        x = jnp.broadcast_to(x, (*batch, x.shape[-1]))
        return jnp.pad(x, [(0, 0)] * len(batch) + [(0, nodes - x.shape[-1])])

    s, g, i = whole(shunt), whole(coupling), whole(source)
    kept = []
    for r in tree.rounds:
        k, p = r.leaves, r.leaf_parents
        up = g[..., k]
        total = 1.0 / (s[..., k] + up)
        leaf = (i[..., k] * total, up * total)
        to = [(p, leaf[1] * s[..., k], leaf[1] * i[..., k])]
        k, p, c = r.links, r.link_parents, r.children
        up, down = g[..., k], g[..., c]
        total = 1.0 / (s[..., k] + up + down)
        link = (i[..., k] * total, up * total, down * total)
        to += [(p, link[1] * s[..., k], link[1] * i[..., k]), (c, link[2] * s[..., k], link[2] * i[..., k])]
        if c.size:
            g = g.at[..., c].set(link[1] * down, unique_indices=True)
        for where, ds, di in to:
            if where.size:
                s, i = s.at[..., where].add(ds), i.at[..., where].add(di)
        kept.append((r, leaf, link))
    v = jnp.zeros_like(i).at[..., tree.root].set(i[..., tree.root] / s[..., tree.root])
    for r, leaf, link in reversed(kept):
        if r.links.size:
            x = link[0] + link[1] * v[..., r.link_parents] + link[2] * v[..., r.children]
            v = v.at[..., r.links].set(x, unique_indices=True)
        if r.leaves.size:
            x = leaf[0] + leaf[1] * v[..., r.leaf_parents]
            v = v.at[..., r.leaves].set(x, unique_indices=True)
    return [v[..., :size], jnp.zeros(numbers(source, tree), v.dtype)]
