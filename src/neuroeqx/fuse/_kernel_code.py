"""Kernels written for numba as LLVM's language, so that programs that call them need numba once only."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding

from ._machine import optimise, parse, remembered


class Kernel(NamedTuple):
    """A function of 64-bit words that returns one."""

    name: str
    text: str


def kernel(name: str, words: int, dtypes: tuple[Any, ...]) -> Kernel:
    """A kernel of `_call_kernels` or `_array_kernels` for so many words and these dtypes (`None` for what there is not)."""
    kinds = [None if t is None else np.dtype(t).name for t in dtypes]
    key = f"kernel {name} {words} {kinds}"
    own = f"neuroeqx_{name}_{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return Kernel(own, remembered(key, lambda: _text(name, words, kinds, own).encode()).decode())


def _text(name: str, words: int, kinds: list[str | None], own: str) -> str:
    from numba import types

    from . import _array_kernels, _call_kernels

    dispatcher = (vars(_call_kernels) | vars(_array_kernels))[name]
    dummies = [types.none if kind is None else types.NumberClass(getattr(types, kind)) for kind in kinds]
    signature = (*[types.int64] * words, *dummies)
    dispatcher.compile(signature)
    compiled = dispatcher.overloads[signature]
    inner = compiled.fndesc.llvm_func_name
    module = binding.parse_assembly(compiled.library.get_llvm_str())
    # As numba calls it: where to put the result and an exception, then the arguments, of which dtypes have no content.
    arguments = [f"i64 %w{i}" for i in range(words)] + ["ptr null"] * len(dummies)
    wrapper = f"""
        declare i32 @"{inner}"({", ".join(["ptr", "ptr", *["i64"] * words, *["ptr"] * len(dummies)])})
        define i64 @"{own}"({", ".join(arguments[:words])}) {{
            %result = alloca i64
            %error = alloca ptr
            %status = call i32 @"{inner}"({", ".join(["ptr %result", "ptr %error", *arguments])})
            %value = load i64, ptr %result
            ret i64 %value
        }}
        ; Arrays at an address have no owner.
        define void @NRT_MemInfo_call_dtor(ptr %unused) {{
            ret void
        }}
    """
    module.link_in(parse(wrapper))
    module = parse(str(module))
    optimise(module, own)
    return str(module)
