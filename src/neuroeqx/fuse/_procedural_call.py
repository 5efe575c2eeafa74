"""Products of matrices that are drawn again at every use, within a native step."""

from typing import Any

import numpy as np

from ._call import Call, Unsupported


def _check(eqn: Any) -> None:
    out, weight, x = (v.aval for v in eqn.invars[:3])
    name, law = eqn.primitive.name, eqn.params["law"]
    if out.ndim != 1:
        raise Unsupported(f"{name} of a batch")
    if eqn.params["backend"] not in (None, "native"):
        raise Unsupported(f"{name} with backend={eqn.params['backend']!r}")
    if law.empty:
        raise Unsupported(f"{name} without synapses")
    if weight.dtype != x.dtype:
        raise Unsupported(f"{name} with weights of {weight.dtype}")


def _emit(e: Any, operation: Any) -> None:
    from ..ops.procedural import _draws  # imports llvmlite

    out, weight, x, *rest = operation.inputs
    listed = rest[:2] if operation.params["listed"] else ()
    law, structure = operation.params["law"], rest[len(listed) :]
    tables = law.operands(tuple(structure))
    e.in_place(operation, 0, out)
    own, first = (None, None) if listed else e.list_of(x)
    ids, count = map(e.address, listed) if listed else (own or e.word(0), first or e.word(0))
    numbers = _draws.numbers(law)
    of = lambda table: (e.word(0), e.word(0)) if table is None else (e.address(table), e.size(table))
    e.call(
        "draw",
        [
            e.address(operation.outputs[0]), e.size(operation.outputs[0]), e.address(weight), e.address(x), e.size(x),
            _written_out(e, numbers), e.word(numbers.size), e.address(tables.seed),
            *of(tables.gaps), *of(tables.normal), *of(tables.accept),
            ids, count, e.word(0) if tables.offset is None else e.whole(tables.offset),
        ],
        [x.dtype.type, np.uint64 if own is not None else np.uint32 if listed else None],
    )  # fmt: skip


def _written_out(e: Any, numbers: np.ndarray) -> Any:
    """The address of numbers that are part of the program, int32."""
    from llvmlite import ir

    module, kind = e.builder.module, ir.ArrayType(ir.IntType(32), numbers.size)
    constant = ir.GlobalVariable(module, kind, module.get_unique_name("neuroeqx_numbers"))
    constant.initializer = ir.Constant(kind, [int(n) for n in numbers])  # pyright: ignore
    constant.linkage, constant.global_constant = "internal", True
    return e.builder.ptrtoint(constant, e.word(0).type)


PROCEDURAL = {"neuroeqx_procedural_add_matvec": Call(_check, _emit, {0: 0}, 2)}
