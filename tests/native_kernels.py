"""Calling kernels from Python, for tests."""

import ctypes

import numpy as np
from neuroeqx.ops._machine import compiled, ENTRY
from neuroeqx.ops.language import Program


_kept = []  # code lives as long as who holds it


def native(kernel, *constants, words):
    """A function of that many words (whole numbers, or arrays by their addresses) that runs a kernel and returns its word."""

    def make():
        program = Program()
        program.export(ENTRY, kernel, words, constants)
        return str(program.module)

    code = compiled(f"test {make()}", make, vectorise=True)
    _kept.append(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * words)(code.address)
    return lambda *given: function(*(one.ctypes.data if isinstance(one, np.ndarray) else int(one) for one in given))
