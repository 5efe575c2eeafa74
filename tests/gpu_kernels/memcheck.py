"""Finds accesses outside of arrays, and races between programs, in kernels that the interpreter runs.

The interpreter runs programs one after the other, so that a race gives the right result there. Here it is told which
program has read, stored to or atomically changed which element.
"""

import numpy as np
import triton.runtime.interpreter as triton_interpreter


_real = triton_interpreter._interpreter


class Memcheck:
    """Takes the place of the interpreter's builder of operations, in a `with` statement.

    Arrays that share memory are one.
    """

    def __init__(self, *arrays):
        distinct = {array.ctypes.data: array for array in arrays if array.size}
        arrays = [distinct[address] for address in sorted(distinct)]
        self.begin = np.array([array.ctypes.data for array in arrays], np.uint64)
        self.end = np.array([array.ctypes.data + array.nbytes for array in arrays], np.uint64)
        self.shadow = [np.full((3, array.nbytes // 2), -1, np.int64) for array in arrays]  # per 2 bytes: a bfloat16

    def __enter__(self):
        triton_interpreter._interpreter = self
        return self

    def __exit__(self, *_):
        triton_interpreter._interpreter = _real

    def __getattr__(self, name):
        return getattr(_real, name)

    def _program(self):
        place, grid = triton_interpreter.interpreter_builder.grid_idx, triton_interpreter.interpreter_builder.grid_dim
        return place[0] + grid[0] * (place[1] + grid[1] * place[2])

    def _touched(self, pointers, mask, what):
        pointers, mask = np.broadcast_arrays(getattr(pointers, "data", pointers), getattr(mask, "data", mask))
        addresses = pointers[mask.astype(bool)].astype(np.uint64).ravel()
        array = np.searchsorted(self.begin, addresses, side="right").astype(int) - 1
        outside = (array < 0) | (addresses >= self.end[np.maximum(array, 0)])
        if outside.any():
            raise IndexError(f"{what} of program {self._program()} outside of every array ({outside.sum()} lanes)")
        return array, ((addresses - self.begin[array]) // np.uint64(2)).astype(np.int64)

    def _access(self, pointers, mask, own, conflicting):
        """`own`: row of the shadow to mark; `conflicting`: rows that no other program may have marked."""
        names = ("store", "atomic", "load")
        array, place = self._touched(pointers, mask, names[own])
        program = self._program()
        for a in np.unique(array):
            places = place[array == a]
            for other in conflicting:
                seen = self.shadow[a][other][places]
                if ((seen != -1) & (seen != program)).any():
                    raise RuntimeError(f"race: {names[own]} of program {program}, {names[other]} of another one")
            self.shadow[a][own][places] = program
            if own == 0 and np.unique(places).size < places.size:
                raise RuntimeError(f"race: two lanes of program {program} store to one place")

    def load(self, pointers, mask, other, dtype):
        self._access(pointers, mask, 2, (0, 1))
        return _real.load(pointers, mask, other, dtype)

    def store(self, pointers, value, mask):
        self._access(pointers, mask, 0, (0, 1, 2))
        return _real.store(pointers, value, mask)

    def atomic_rmw(self, op, pointers, value, mask, sem):
        self._access(pointers, mask, 1, (0, 2))
        return _real.atomic_rmw(op, pointers, value, mask, sem)
