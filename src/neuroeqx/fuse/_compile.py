"""Compiling a loop to a handler for XLA, once for each content. Imports numba."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from ..ops._ffi import is_query, target as register
from ._describe import describe, digest
from ._emit import Emitter, Layout as Layout
from ._flat import Flat
from ._plan import Plan, plan as make_plan


_loops: dict[str, tuple[Plan, Layout, Flat, int]] = {}


def target(plan: Plan, layout: Layout, condition: Flat, consts: int) -> str:
    """The name under which XLA calls the native code of a loop whose carry begins after `consts` constants."""
    text = describe(plan, layout.packs) + describe(make_plan(condition, ()), layout.packs) + f"loop {consts}"
    key = digest(text)
    _loops[key] = plan, layout, condition, consts
    return register(f"fused_while_{key}", _factory(key))


@intrinsic(prefer_literal=True)
def _run(typingctx, frame, key):
    """The loop of a key, on the operands and results of a call frame."""
    plan, layout, condition, consts = _loops[key.literal_value]

    def generate(context, builder, signature, args):
        Emitter(context, typingctx, builder, args[0], plan, layout).loop(condition, consts)
        return context.get_dummy_value()

    return types.void(frame, key), generate


def _factory(key: str) -> Any:
    def factory(stamp):
        def handler(frame):
            if is_query(frame, stamp):
                return 0
            _run(frame, key)  # pyright: ignore[reportCallIssue]: numba passes the first argument
            return np.intp(0)

        return handler

    return factory
