"""Native kernel of values put at places. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

import numpy as np

from .._ffi import argument, is_query, result
from ..language import kernel


@kernel
def put_places(values, places, new):
    """What lies past the end is dropped."""
    size = np.uint64(values.shape[0])
    for e in range(places.shape[0]):
        place = np.uint64(places[e])
        if place < size:
            values[place] = new[e]


def put(stamp, real):
    """Operands values, places, new; result values, in the place of the operand."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        put_places(result(frame, 0, real), argument(frame, 1, np.uint32), argument(frame, 2, real))
        return 0

    return handler
