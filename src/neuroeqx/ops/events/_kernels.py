"""Native kernels of lists of events. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

import numpy as np

from .._active import next_active, stack_list, write_active
from .._ffi import argument, is_query, result
from ..language import kernel


_MOST = np.iinfo(np.int32).max  # the count stays there instead of turning negative


@kernel
def append_events(buffer, count, x, step):
    """Writes what fits, and returns the count of all."""
    active = stack_list()
    capacity = buffer.shape[0] // 2
    i, stop = 0, x.shape[0]
    while i < stop:
        found, i = next_active(x, i, stop, active)
        for e in range(min(found, capacity - count)):
            buffer[2 * (count + e)] = step
            buffer[2 * (count + e) + 1] = active[e]
        count = min(count + found, _MOST)
    return count


def append(stamp, real):
    """Operands buffer, count, x, step, each with a batch axis or none; results buffer and count, in their places."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        buffer, count = result(frame, 0, np.int32), result(frame, 1, np.int32)
        x, step = argument(frame, 2, real), argument(frame, 3, np.int32)
        members = count.shape[0]
        room, n = buffer.shape[0] // members, x.shape[0] // members
        for member in range(members):
            own, spikes = buffer[member * room : (member + 1) * room], x[member * n : (member + 1) * n]
            count[member] = append_events(own, np.int64(count[member]), spikes, step[member])
        return 0

    return handler


def compact(stamp, real):
    """Operand x, with a batch axis or none; results ids and count."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        x, ids, count = argument(frame, 0, real), result(frame, 0, np.int32), result(frame, 1, np.int32)
        members = count.shape[0]
        n = x.shape[0] // members
        for member in range(members):
            # What follows the list need not be written: no reader may go there.
            count[member] = write_active(x[member * n : (member + 1) * n], ids[member * n : (member + 1) * n])
        return 0

    return handler
