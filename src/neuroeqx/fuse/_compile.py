"""Compiling a loop to a handler for XLA, once for each content."""

from typing import Any

from llvmlite import ir

from ..ops import _frame
from ._describe import describe, digest
from ._emit import Emitter, Layout as Layout
from ._flat import Flat
from ._machine import Code, compiled, ENTRY, parse
from ._plan import Plan, plan as make_plan


_WORD = ir.IntType(64)


def target(plan: Plan, layout: Layout, condition: Flat, consts: int) -> str:
    """The name under which XLA calls the native code of a loop whose carry begins after `consts` constants."""
    text = describe(plan, layout.packs) + describe(make_plan(condition, ()), layout.packs) + f"loop {consts}"
    write = lambda builder, frame: Emitter(builder, frame, plan, layout).loop(condition, consts)
    return _frame.register(f"neuroeqx_fused_while_{digest(text)}", lambda: handler(text, write))


def handler(key: str, write: Any) -> Code:
    """The handler of a key, whose work `write` writes, given a builder, the address of the frame.

    It returns the emitter, which knows the kernels that are called.
    """
    major, minor = _frame.api_version()

    def make() -> Any:
        module = ir.Module()
        function = ir.Function(module, ir.FunctionType(_WORD, [_WORD]), ENTRY)
        builder = ir.IRBuilder(function.append_basic_block())
        [frame] = function.args
        _answer(builder, frame, major, minor)
        emitter = write(builder, frame)
        builder.ret(_WORD(0))
        whole = parse(str(module))
        for text in emitter.kernels.values():
            whole.link_in(parse(text), preserve=True)
        return whole

    return compiled(f"{key} {major}.{minor}", make)


def _answer(builder: Any, frame: Any, major: int, minor: int) -> None:
    """XLA's question, asked once at registration, which version of the interface this handler speaks."""
    pointer = lambda address, kind: builder.inttoptr(address, kind.as_pointer())
    load = lambda address, kind=_WORD: builder.load(pointer(address, kind))
    at = lambda address, offset: builder.add(address, _WORD(offset))
    number = ir.IntType(32)
    extension = load(at(frame, _frame.EXTENSION))
    with builder.if_then(builder.icmp_unsigned("!=", extension, _WORD(0))):
        kind = load(at(extension, _frame.EXTENSION_TYPE), number)
        with builder.if_then(builder.icmp_unsigned("==", kind, number(1))):
            metadata = load(at(extension, _frame.METADATA))
            for offset, value in ((_frame.MAJOR, major), (_frame.MINOR, minor), (_frame.TRAITS, 0)):
                builder.store(number(value), pointer(at(metadata, offset), number))
            builder.ret(_WORD(0))
