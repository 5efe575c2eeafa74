"""Native kernel of the solution of a tree. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

import numpy as np

from .._ffi import argument, argument_dim, argument_rank, failure, is_query, result
from .._lanes import add, divide, fill, gather_lanes, load, multiply, multiply_add, scatter_lanes, store
from ..language import kernel
from ._room import FEWEST


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
def solve_side_by_side(out, shunt, coupling, source, order, room, first, count, size, nodes, shared):
    """As many members as a vector has lanes, of which `count` are there."""
    lanes = 64 // out.itemsize
    s, i, g = (
        room[0 : nodes * lanes],
        room[nodes * lanes : 2 * nodes * lanes],
        room[2 * nodes * lanes : 3 * nodes * lanes],
    )
    gather_lanes(shunt, size, first, count, lanes, s[0 : size * lanes])
    gather_lanes(source, size, first, count, lanes, i[0 : size * lanes])
    s[size * lanes :] = 0
    i[size * lanes :] = 0
    if not shared:
        gather_lanes(coupling, nodes, first, count, lanes, g)
    elif first == 0:
        for k in range(nodes):
            store(g, k * lanes, fill(coupling[k]))
    edges = nodes - 1
    one = fill(out.dtype.type(1))
    for e in range(edges):
        k, p = np.int64(order[e]) * lanes, np.int64(order[edges + e]) * lanes
        conductance, own, current = load(g, k), load(s, k), load(i, k)
        total = divide(one, add(own, conductance))
        part = multiply(conductance, total)
        store(s, p, multiply_add(part, own, load(s, p)))
        store(s, k, part)
        store(i, p, multiply_add(part, current, load(i, p)))
        store(i, k, multiply(current, total))
    root = np.int64(0)
    if edges > 0:
        root = np.int64(order[2 * edges - 1]) * lanes
    store(i, root, divide(load(i, root), load(s, root)))
    for e in range(edges):
        k, p = np.int64(order[edges - 1 - e]) * lanes, np.int64(order[2 * edges - 1 - e]) * lanes
        store(i, k, multiply_add(load(s, k), load(i, p), load(i, k)))
    scatter_lanes(i, size, first, count, lanes, out)


@kernel
def solve_trees(out, shunt, coupling, source, order, room, size, nodes):
    """All members: side by side where there is room for that and there are enough of them, or one after the other."""
    shared = coupling.shape[0] == nodes
    members, done = source.shape[0] // size, np.int64(0)
    if room.shape[0] > 2 * nodes:
        while members - done >= FEWEST:
            count = min(members - done, 64 // out.itemsize)
            solve_side_by_side(out, shunt, coupling, source, order, room, done, count, size, nodes, shared)
            done += count
    for m in range(done, members):
        g_at = 0 if shared else m * nodes
        solve_tree(out, shunt, coupling, source, order, room, m * size, size, g_at, nodes)


_mismatch = failure("neuroeqx tree_solve: the operands do not belong together")


def solve(stamp, real):
    """Operands shunt and source [..., size], coupling [..., nodes] or [nodes], order [2 (nodes - 1)]; results the voltages
    [..., size], and room (`_room.py`)."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        shunt, coupling, source = argument(frame, 0, real), argument(frame, 1, real), argument(frame, 2, real)
        order, out, room = argument(frame, 3, np.int32), result(frame, 0, real), result(frame, 1, real)
        size = argument_dim(frame, 2, argument_rank(frame, 2) - 1)
        nodes = argument_dim(frame, 1, argument_rank(frame, 1) - 1)
        fits = coupling.shape[0] == nodes or coupling.shape[0] * size == source.shape[0] * nodes
        fits = fits and order.shape[0] == 2 * (nodes - 1) and room.shape[0] >= 2 * nodes and size <= nodes
        if not fits or shunt.shape[0] != source.shape[0]:
            return _mismatch(frame)
        solve_trees(out, shunt, coupling, source, order, room, size, nodes)
        return 0

    return handler
