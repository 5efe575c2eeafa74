"""Kernels in LLVM's language, optimised, so that programs that call them only have to be linked with them."""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from ..ops._machine import optimise, parse, remembered


class Kernel(NamedTuple):
    """A function of 64-bit words that returns one."""

    name: str
    text: str


def kernel(name: str, words: int, dtypes: tuple[Any, ...]) -> Kernel:
    """A kernel of `_call_kernels` or `_array_kernels` for so many words and these dtypes (`None` for what there is not)."""
    kinds = tuple(None if t is None else np.dtype(t).type for t in dtypes)
    names = [None if t is None else t.__name__ for t in kinds]
    key = f"kernel {name} {words} {names}"
    own = f"neuroeqx_{name}_{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return Kernel(own, remembered(key, lambda: _text(name, words, kinds, own).encode()).decode())


def _text(name: str, words: int, dtypes: tuple[Any, ...], own: str) -> str:
    from ..ops.language import Program
    from . import _array_kernels, _call_kernels

    program = Program()
    program.export(own, (vars(_call_kernels) | vars(_array_kernels))[name], words, dtypes)
    module = parse(str(program.module))
    optimise(module, own, vectorise=True)
    return str(module)
