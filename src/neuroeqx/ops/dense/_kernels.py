"""Native kernel of the dense product. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

from .._active import next_active, stack_list
from .._ffi import argument, is_query, result
from .._lanes import fill, load, multiply_add, store, width
from ..language import kernel


@kernel
def _add_rows(out, weight, rows, values, lanes):
    """Adds four rows in one pass over `out`."""
    n_post = out.shape[0]
    a, b, c, d = rows[0] * n_post, rows[1] * n_post, rows[2] * n_post, rows[3] * n_post
    p, q, r, s = values
    whole = n_post - n_post % lanes
    for j in range(0, whole, lanes):
        y = multiply_add(load(weight, a + j), fill(p), load(out, j))
        y = multiply_add(load(weight, b + j), fill(q), y)
        y = multiply_add(load(weight, c + j), fill(r), y)
        store(out, j, multiply_add(load(weight, d + j), fill(s), y))
    for j in range(whole, n_post):
        out[j] += p * weight[a + j] + q * weight[b + j] + r * weight[c + j] + s * weight[d + j]


@kernel
def _add_row(out, weight, row, value, lanes):
    n_post = out.shape[0]
    start, whole = row * n_post, n_post - n_post % lanes
    for j in range(0, whole, lanes):
        store(out, j, multiply_add(load(weight, start + j), fill(value), load(out, j)))
    for j in range(whole, n_post):
        out[j] += value * weight[start + j]


@kernel
def add_events(out, weight, x, lanes):
    """Adds the rows of active entries of `x`, four at a time."""
    active = stack_list()
    i, stop = 0, x.shape[0]
    while i < stop:
        count, i = next_active(x, i, stop, active)
        fours = count - count % 4
        for e in range(0, fours, 4):
            rows = active[e], active[e + 1], active[e + 2], active[e + 3]
            _add_rows(out, weight, rows, (x[rows[0]], x[rows[1]], x[rows[2]], x[rows[3]]), lanes)
        for e in range(fours, count):
            _add_row(out, weight, active[e], x[active[e]], lanes)


def add_matvec(stamp, real):
    """Operands out, weight, x; result out, in the place of the operand."""
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        add_events(result(frame, 0, real), argument(frame, 1, real), argument(frame, 2, real), lanes)
        return 0

    return handler
