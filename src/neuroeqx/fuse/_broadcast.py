"""Arrays that are repeated along some axes, as operands of an equation or by one of its own."""

import math
from typing import Any

from ._call import Call, Unsupported
from ._elementwise import EMITTERS


def repeats(shape: tuple[int, ...], axes: tuple[Any, ...], target: tuple[int, ...], name: str) -> tuple[int, ...]:
    """`(a, b, c, d)`: from an array of `[b, d]` is made one of `[a, b, c, d]`.

    **Arguments:**

    - `axes`: of `target`, for every axis of `shape`.
    """
    own = dict(zip(axes, shape, strict=True))
    runs: list[list[int]] = []  # lengths of neighbouring axes that are repeated, or not
    kinds: list[bool] = []
    for axis, length in enumerate(target):
        if length == 1:
            continue
        repeated = own.get(axis, 1) == 1
        if not kinds or kinds[-1] != repeated:
            kinds.append(repeated)
            runs.append([])
        runs[-1].append(length)
    lengths = [math.prod(run) for run in runs]
    if kinds[:1] == [False]:
        lengths.insert(0, 1)
    if len(lengths) > 4:
        raise Unsupported(f"{name} from {shape} to {target}")
    # A last run that is repeated has parts of length one.
    a, b, c, d = (*lengths, *[1] * (4 - len(lengths)))
    return (a, 1, 1, b) if len(lengths) <= 2 else (a, b, c, d)


def check_broadcast(eqn: Any) -> None:
    [array], [output] = (v.aval for v in eqn.invars), (v.aval for v in eqn.outvars)
    repeats(array.shape, eqn.params["broadcast_dimensions"], output.shape, eqn.primitive.name)


def check_operands(name: str, shapes: list[tuple[int, ...]], target: tuple[int, ...]) -> None:
    """Of an elementwise equation."""
    for shape in shapes:
        if shape in ((), target) or math.prod(shape) == 1:
            continue
        if len(shape) != len(target) or any(n not in (1, m) for n, m in zip(shape, target, strict=True)):
            raise Unsupported(f"{name} of shapes {sorted(set(shapes))}")
        repeats(shape, tuple(range(len(shape))), target, name)


def repeats_operands(eqn: Any) -> bool:
    """Whether an equation needs an array that is repeated along axes."""
    sizes = {math.prod(getattr(v.aval, "shape", ())) for v in eqn.invars} - {1}
    target = math.prod(getattr(eqn.outvars[0].aval, "shape", ()))
    return bool(sizes - {target}) and (eqn.primitive.name in BROADCASTS or eqn.primitive.name in EMITTERS)


def _emit(e: Any, operation: Any) -> None:
    [array], [output] = operation.inputs, operation.outputs
    kind = f"u{output.dtype.itemsize}" if output.dtype.kind != "f" else output.dtype
    sizes = [e.word(n) for n in operation.params["sizes"]]
    e.call("repeat", [e.address(output), e.address(array), *sizes], [kind])


BROADCASTS = {"broadcast_in_dim": Call(check_broadcast, _emit, {})}
