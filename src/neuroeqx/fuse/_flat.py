"""The walk over a jaxpr: nested calls written out, reshapes forgotten, each equation with the kind of work that it is."""

import dataclasses
import math
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ._calls import CALLS
from ._elementwise import DTYPES, EMITTERS, supports


# Equations that only say what is computed elsewhere, by the name of the parameter that holds it.
_NESTED = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat": "jaxpr",
    "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}  # fmt: skip
# Equations after which the numbers lie in memory as before.
_SAME = frozenset({
    "reshape", "squeeze", "expand_dims", "copy", "copy_p", "stop_gradient", "optimization_barrier",
})  # fmt: skip


class Unsupported(Exception):
    """An equation that native code cannot take, with the reason."""


@dataclasses.dataclass(eq=False)
class Value:
    """A number, or an array as it lies in memory; `shape` is that of the array as which it was made."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def scalar(self) -> bool:
        return self.shape == ()

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclasses.dataclass(eq=False)
class Constant:
    """A number known when the program is compiled."""

    value: Any
    dtype: np.dtype
    shape: tuple[int, ...] = ()
    scalar: bool = True


Atom = Value | Constant


@dataclasses.dataclass(eq=False)
class Operation:
    """`kind` is "elementwise", "view" (a part of an array that lies in one piece) or "call" (see `CALLS`)."""

    kind: str
    name: str
    params: dict[str, Any]
    inputs: list[Atom]
    outputs: list[Value]


@dataclasses.dataclass(eq=False)
class Flat:
    inputs: list[Value]
    operations: list[Operation]
    outputs: list[Atom]


def name_of(eqn: Any) -> str:
    """Of the primitive, or of a function of ours that has native code of its own."""
    called = eqn.params.get("name") if eqn.primitive.name in ("jit", "pjit") else None
    return called if called in EMITTERS and called.startswith("neuroeqx_") else eqn.primitive.name


def kind_of(eqn: Any) -> str:
    """The kind of an equation, "same" or "nested" included. Raises `Unsupported`."""
    name = name_of(eqn)
    if name in _NESTED:
        return "nested"
    if eqn.effects:
        raise Unsupported(f"{name} has side effects")
    avals = [v.aval for v in (*eqn.invars, *eqn.outvars)]
    for aval in avals:
        if getattr(aval, "dtype", None) not in DTYPES:
            if name in CALLS:
                continue  # weights of half precision
            raise Unsupported(f"{name} of {getattr(aval, 'dtype', aval)}")
    if name in _SAME:
        if len(eqn.invars) != len(eqn.outvars) or (eqn.params.get("dimensions") is not None and name == "reshape"):
            raise Unsupported(f"{name} with a new order")
        return "same"
    if name == "broadcast_in_dim":
        if eqn.invars[0].aval.size == 1 and len(eqn.invars) == 1:
            return "fill"
        if len(eqn.invars) == 1 and eqn.invars[0].aval.size == eqn.outvars[0].aval.size:
            return "same"
        raise Unsupported(f"broadcast_in_dim from {eqn.invars[0].aval.shape} to {eqn.outvars[0].aval.shape}")
    if name == "slice":
        _slice_offset(eqn)
        return "view"
    if name == "dynamic_slice":
        in_one_piece(eqn.invars[0].aval.shape, eqn.params["slice_sizes"], name)
        return "view"
    if name in CALLS:
        CALLS[name].check(eqn)
        return "call"
    if not supports(name, [aval.dtype for aval in avals], eqn.params):
        raise Unsupported(f"{name} is not elementwise, or not known")
    shapes = {aval.shape for aval in avals if aval.shape != ()}
    if len(shapes) > 1 or (shapes and eqn.outvars[0].aval.shape == ()):
        raise Unsupported(f"{name} of shapes {sorted(shapes)}")
    return "elementwise"


def in_one_piece(shape: tuple[int, ...], sizes: tuple[int, ...], name: str) -> None:
    """A section lies in one piece if, after some axes of length one in it, one is cut and the following are whole."""
    axis = 0
    while axis < len(sizes) and sizes[axis] == 1:
        axis += 1
    if tuple(sizes[axis + 1 :]) != tuple(shape[axis + 1 :]):
        raise Unsupported(f"{name} of {tuple(sizes)} from {shape}, which does not lie in one piece")


def _slice_offset(eqn: Any) -> int:
    """Where a static slice begins in memory."""
    shape, starts, limits = eqn.invars[0].aval.shape, eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"]
    if strides is not None and any(stride != 1 for stride in strides):
        raise Unsupported("slice with strides")
    in_one_piece(shape, tuple(b - a for a, b in zip(starts, limits, strict=True)), "slice")
    return sum(start * math.prod(shape[axis + 1 :]) for axis, start in enumerate(starts))


def nested(eqn: Any) -> tuple[Jaxpr, list[Any]]:
    """The jaxpr that an equation stands for, and its constants."""
    inner = eqn.params[_NESTED[eqn.primitive.name]]
    return (inner.jaxpr, list(inner.consts)) if isinstance(inner, ClosedJaxpr) else (inner, [])


def check(eqn: Any) -> None:
    """Raises `Unsupported` unless native code can take an equation, with all that it stands for."""
    if kind_of(eqn) == "nested":
        jaxpr, consts = nested(eqn)
        if any(np.ndim(const) for const in consts):
            raise Unsupported(f"{eqn.primitive.name} with arrays as constants")
        for inner in jaxpr.eqns:
            check(inner)


def flatten(closed: ClosedJaxpr) -> Flat:
    """All that a jaxpr does, as a list of operations. What nothing needs is left out."""
    inputs = [Value(tuple(v.aval.shape), np.dtype(v.aval.dtype)) for v in closed.jaxpr.invars]
    operations: list[Operation] = []
    outputs = _walk(closed.jaxpr, closed.consts, inputs, operations)
    return Flat(inputs, needed(operations, outputs), outputs)


def needed(operations: list[Operation], outputs: list[Atom]) -> list[Operation]:
    """The operations without those that no output depends on."""
    wanted = {id(atom) for atom in outputs}
    kept = []
    for operation in reversed(operations):
        if any(id(value) in wanted for value in operation.outputs):
            wanted.update(id(atom) for atom in operation.inputs)
            kept.append(operation)
    return kept[::-1]


def _walk(jaxpr: Jaxpr, consts: Any, inputs: list[Any], operations: list[Operation]) -> list[Any]:
    env: dict[Any, Any] = dict(zip(jaxpr.invars, inputs, strict=True))
    var: Any
    for var, const in zip(jaxpr.constvars, consts, strict=True):
        env[var] = Constant(np.asarray(const).item(), np.dtype(var.aval.dtype))

    def read(atom: Any) -> Any:
        if isinstance(atom, Literal):
            aval: Any = atom.aval
            return Constant(np.asarray(atom.val).item(), np.dtype(aval.dtype))
        return env[atom]

    eqn: Any
    for eqn in jaxpr.eqns:
        kind, args = kind_of(eqn), [read(v) for v in eqn.invars]
        if kind == "nested":
            inner, inner_consts = nested(eqn)
            outs = _walk(inner, inner_consts, args, operations)
        elif kind == "same":
            outs = [_reshaped(arg, v.aval.shape, operations) for arg, v in zip(args, eqn.outvars, strict=True)]
        elif kind == "fill":
            outs = [_reshaped(args[0], eqn.outvars[0].aval.shape, operations)]
        else:
            outs = [Value(tuple(v.aval.shape), np.dtype(v.aval.dtype)) for v in eqn.outvars]
            params = dict(eqn.params)
            if kind == "view":
                params = _view(eqn, args)
                args = params.pop("inputs")
            if eqn.primitive.name == "dynamic_update_slice":
                params = {"shape": eqn.invars[0].aval.shape, "sizes": eqn.invars[1].aval.shape}
            operations.append(Operation(kind, name_of(eqn), params, args, outs))
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _view(eqn: Any, args: list[Any]) -> dict[str, Any]:
    """`offset` of a static slice; of a dynamic one the starts, which follow the array, with their limits and strides."""
    if eqn.primitive.name == "slice":
        return {"offset": _slice_offset(eqn), "inputs": args[:1]}
    return {"offset": 0, "inputs": args, **section(eqn.invars[0].aval.shape, eqn.params["slice_sizes"])}


def section(shape: tuple[int, ...], sizes: tuple[int, ...]) -> dict[str, Any]:
    """The largest start on every axis, and how far apart neighbours on that axis lie."""
    limits = [n - size for n, size in zip(shape, sizes, strict=True)]
    return {"limits": limits, "strides": [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]}


def _reshaped(atom: Any, shape: tuple[int, ...], operations: list[Operation]) -> Any:
    """The same numbers, which lie in memory as before; or one number in every place of a shape."""
    if (atom.shape == ()) == (tuple(shape) == ()) and math.prod(atom.shape) == math.prod(shape):
        return atom
    if tuple(shape) == ():  # one number from an array of one
        output = Value((), atom.dtype)
        operations.append(Operation("view", "slice", {"offset": 0}, [atom], [output]))
        return output
    single = atom if atom.shape == () else _reshaped(atom, (), operations)
    output = Value(tuple(shape), atom.dtype)
    operations.append(Operation("elementwise", "fill", {}, [single], [output]))
    return output
