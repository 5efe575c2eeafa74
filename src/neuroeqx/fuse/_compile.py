"""Compiling a loop to a handler for XLA, once for each content."""

from typing import Any

from llvmlite import ir

from ..ops import _frame
from ..ops._machine import Code, compiled, ENTRY, parse
from ..ops._two_threads import run_in_two
from . import _halves
from ._describe import describe, digest
from ._emit import Emitter, Layout as Layout
from ._flat import Flat
from ._loops import counted
from ._plan import Plan, plan as make_plan


_WORD = ir.IntType(64)


def target(plan: Plan, layout: Layout, condition: Flat, consts: int) -> str:
    """The name under which XLA calls the native code of a loop whose carry begins after `consts` constants."""
    text = describe(plan, layout.packs) + describe(make_plan(condition, ()), layout.packs)
    shared = layout.batched is None and _halves.is_worth_two(plan)
    text += f"loop {consts} batch {layout.batched} shared {shared} {_halves.WORTH_TWO} {_halves.DENSE}"

    def write(builder: Any, frame: Any) -> Emitter:
        if layout.batched is None:
            return Emitter(builder, frame, plan, layout).loop(condition, consts)
        part = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [_WORD, _WORD]), "neuroeqx_members")
        emitter = _write_members(part, plan, layout, condition, consts)
        half = lambda builder, frame, number, which: builder.call(part, [frame, _WORD(which)])
        run_in_two(builder, frame, _WORD(0), half, "neuroeqx_second_half")
        return emitter

    return _frame.register(f"neuroeqx_fused_while_{digest(text)}", lambda: handler(text, write))


def _write_members(part: Any, plan: Plan, layout: Layout, condition: Flat, consts: int) -> Emitter:
    """The loop for one half of the members of a batch, one after the other."""
    builder = ir.IRBuilder(part.append_basic_block())
    frame, which = part.args
    emitter = Emitter(builder, frame, plan, layout)
    members = emitter.members()
    middle = builder.udiv(members, _WORD(2))
    first = builder.select(builder.icmp_unsigned("==", which, _WORD(0)), _WORD(0), middle)
    end = builder.select(builder.icmp_unsigned("==", which, _WORD(0)), middle, members)
    with counted(builder, builder.sub(end, first)) as k:
        emitter.member, emitter.thread = builder.add(first, k), which
        emitter.loop(condition, consts)
    builder.ret_void()
    return emitter


def handler(key: str, write: Any) -> Code:
    """The handler of a key.

    **Arguments:**

    - `write`: writes what it does, given a builder and the address of the frame, and returns the emitter, which knows the
        kernels that are called.
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
