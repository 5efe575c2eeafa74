"""Native kernel of the solution of a tree. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

import numpy as np

from .._ffi import argument, argument_dim, argument_rank, failure, is_query, result
from ..language import kernel


@kernel
def solve_tree(out, shunt, coupling, source, order, room, at, size, g_at, nodes):
    """One member, whose entries begin at `at`, and those of its coupling at `g_at`."""
    s, i = room[0:nodes], room[nodes : 2 * nodes]
    for k in range(size):
        s[k], i[k] = shunt[at + k], source[at + k]
    for k in range(size, nodes):
        s[k], i[k] = 0, 0
    edges = nodes - 1
    one = out.dtype.type(1)
    for e in range(edges):
        k, p = np.int64(order[e]), np.int64(order[edges + e])
        g, own = coupling[g_at + k], s[k]
        total = one / (own + g)
        part = g * total
        s[p] += part * own
        s[k] = part
        i[p] += part * i[k]
        i[k] *= total
    root = np.int64(0)
    if edges > 0:
        root = np.int64(order[2 * edges - 1])  # the parent of the last one
    i[root] = i[root] / s[root]
    for e in range(edges):
        k, p = np.int64(order[edges - 1 - e]), np.int64(order[2 * edges - 1 - e])
        i[k] += s[k] * i[p]
    for k in range(size):
        out[at + k] = i[k]


@kernel
def solve_trees(out, shunt, coupling, source, order, room, size, nodes):
    """All members, one after the other."""
    shared = coupling.shape[0] == nodes
    for m in range(source.shape[0] // size):
        g_at = 0 if shared else m * nodes
        solve_tree(out, shunt, coupling, source, order, room, m * size, size, g_at, nodes)


_mismatch = failure("neuroeqx tree_solve: the operands do not belong together")


def solve(stamp, real):
    """Operands shunt and source [..., size], coupling [..., nodes] or [nodes], order [2 (nodes - 1)]; results the voltages
    [..., size], and room for [2, nodes] numbers."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        shunt, coupling, source = argument(frame, 0, real), argument(frame, 1, real), argument(frame, 2, real)
        order, out, room = argument(frame, 3, np.int32), result(frame, 0, real), result(frame, 1, real)
        size = argument_dim(frame, 2, argument_rank(frame, 2) - 1)
        nodes = argument_dim(frame, 1, argument_rank(frame, 1) - 1)
        fits = coupling.shape[0] == nodes or coupling.shape[0] * size == source.shape[0] * nodes
        fits = fits and order.shape[0] == 2 * (nodes - 1) and room.shape[0] == 2 * nodes and size <= nodes
        if not fits or shunt.shape[0] != source.shape[0]:
            return _mismatch(frame)
        solve_trees(out, shunt, coupling, source, order, room, size, nodes)
        return 0

    return handler
