"""The walk over a jaxpr: nested calls written out, reshapes forgotten, each equation with the kind of work that it is."""

import dataclasses
import math
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ._blocks import block_of, BLOCKS, check_block, programs_of
from ._broadcast import check_broadcast, check_operands, repeats
from ._call import Unsupported
from ._calls import CALLS
from ._elementwise import DTYPES, EMITTERS, OWN, supports
from ._random import is_key, is_threefry


# Equations that only say what is computed elsewhere, by the name of the parameter that holds it.
_NESTED = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat": "jaxpr",
    "remat2": "jaxpr", "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}  # fmt: skip
# Equations after which the numbers lie in memory as before.
_SAME = frozenset({
    "reshape", "squeeze", "expand_dims", "copy", "copy_p", "stop_gradient", "optimization_barrier",
})  # fmt: skip


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
    called = str(eqn.params.get("name")) if eqn.primitive.name in ("jit", "pjit") else ""
    # Its derivatives bear its name too, but they have more operands or results.
    ours = len(eqn.invars) == OWN.get(called) and len(eqn.outvars) == 1
    return called if ours else eqn.primitive.name


def kind_of(eqn: Any) -> str:
    """The kind of an equation, "same", "nested", "block", "fill" and "repeat" included. Raises `Unsupported`."""
    name = name_of(eqn)
    if name in _NESTED:
        return "nested"
    if eqn.effects:
        raise Unsupported(f"{name} has side effects")
    if name in BLOCKS:
        check_block(eqn)
        return "block"
    avals = [v.aval for v in (*eqn.invars, *eqn.outvars)]
    if any(map(is_key, avals)):
        return _kind_of_keys(eqn, name)
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
        if len(eqn.invars) != 1:
            raise Unsupported("broadcast_in_dim to a shape that is not known")
        check_broadcast(eqn)
        return "repeat"
    if name == "slice":
        slice_offset(eqn)
        return "view"
    if name == "dynamic_slice":
        in_one_piece(eqn.invars[0].aval.shape, eqn.params["slice_sizes"], name)
        return "view"
    if name in CALLS:
        CALLS[name].check(eqn)
        return "call"
    if not supports(name, [aval.dtype for aval in avals], eqn.params):
        raise Unsupported(f"{name} is not elementwise, or not known")
    check_operands(name, [aval.shape for aval in avals], eqn.outvars[0].aval.shape)
    return "elementwise"


_OF_KEYS = frozenset({"slice", "squeeze", "reshape", "expand_dims", "copy", "copy_p"})


def _kind_of_keys(eqn: Any, name: str) -> str:
    for v in (*eqn.invars, *eqn.outvars):
        if is_key(v.aval) and not is_threefry(v.aval):
            raise Unsupported(
                f"{name} of {v.aval.dtype}; native code draws by Threefry, with jax_threefry_partitionable"
            )
    if name in ("random_fold_in", "random_split", "random_bits"):
        if eqn.invars[0].aval.shape != ():
            raise Unsupported(f"{name} of several keys")
        if name == "random_fold_in" and eqn.invars[1].aval.shape != ():
            raise Unsupported(f"{name} of several numbers")
        if name == "random_bits" and eqn.params["bit_width"] not in (32, 64):
            raise Unsupported(f"{name} with bit_width={eqn.params['bit_width']}")
        return "keys"
    plain = all(stride == 1 for stride in eqn.params.get("strides") or ())
    if name in _OF_KEYS and plain and not (name == "reshape" and eqn.params["dimensions"]):
        return "keys"
    raise Unsupported(f"{name} of keys")


def in_one_piece(shape: tuple[int, ...], sizes: tuple[int, ...], name: str) -> None:
    """A section lies in one piece if, after some axes of length one in it, one is cut and the following are whole."""
    axis = 0
    while axis < len(sizes) and sizes[axis] == 1:
        axis += 1
    if tuple(sizes[axis + 1 :]) != tuple(shape[axis + 1 :]):
        raise Unsupported(f"{name} of {tuple(sizes)} from {shape}, which does not lie in one piece")


def slice_offset(eqn: Any) -> int:
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
    elif eqn.primitive.name in BLOCKS:
        for closed in programs_of(eqn):
            for inner in closed.jaxpr.eqns:
                check(inner)
        inputs = [_value(v.aval) for v in eqn.invars]
        block_of(
            eqn, [_keys_of(x, []) if is_key(v.aval) else x for x, v in zip(inputs, eqn.invars, strict=True)], _program
        )


def _program(closed: ClosedJaxpr, inputs: list[Value], args: list[Any]) -> Flat:
    """As `flatten`, for what its arguments are."""
    operations: list[Operation] = []
    outputs = _walk(closed.jaxpr, closed.consts, args, operations)
    return Flat(inputs, needed(operations, outputs), outputs)


def flatten(closed: ClosedJaxpr) -> Flat:
    """All that a jaxpr does, as a list of operations. What nothing needs is left out."""
    inputs = [_value(v.aval) for v in closed.jaxpr.invars]
    words: list[Operation] = []
    values = [_keys_of(x, words) if is_key(v.aval) else x for x, v in zip(inputs, closed.jaxpr.invars, strict=True)]
    flat = _program(closed, inputs, values)
    return Flat(inputs, needed([*words, *flat.operations], flat.outputs), flat.outputs)


def _value(aval: Any) -> Value:
    """Of keys the words."""
    if is_key(aval):
        return Value((*aval.shape, 2), np.dtype(np.uint32))
    return Value(tuple(aval.shape), np.dtype(aval.dtype))


def _single(name: str, inputs: list[Any], operations: list[Operation], **params: Any) -> Value:
    output = Value((), np.dtype(np.uint32))
    operations.append(Operation("view" if name == "slice" else "elementwise", name, params, inputs, [output]))
    return output


def _keys_of(value: Value, operations: list[Operation]) -> np.ndarray:
    """The keys in an array of words, each a pair of single numbers, as an array of objects."""
    keys = np.empty(value.shape[:-1], object)
    for k, place in enumerate(np.ndindex(keys.shape)):
        keys[place] = tuple(_single("slice", [value], operations, offset=2 * k + i) for i in range(2))
    return keys


def _walk_keys(eqn: Any, args: list[Any], operations: list[Operation]) -> Any:
    """Equations of keys, which live in registers."""
    name, params = eqn.primitive.name, eqn.params
    keys = args[0]
    zero = Constant(0, np.dtype(np.uint32))
    draw = lambda *words: tuple(
        _single(f"neuroeqx_threefry_{which}", list(words), operations) for which in ("first", "second")
    )
    if name == "random_fold_in":
        new = np.empty((), object)
        new[()] = draw(*keys[()], zero, _as_number(args[1], operations))
        return new
    if name == "random_split":
        new = np.empty(params["shape"], object)
        for k, place in enumerate(np.ndindex(new.shape)):
            new[place] = draw(*keys[()], zero, Constant(k, np.dtype(np.uint32)))
        return new
    if name == "random_bits":
        output = _value(eqn.outvars[0].aval)
        operations.append(Operation("elementwise", "neuroeqx_random_bits", {}, list(keys[()]), [output]))
        return output
    if name == "slice":
        return keys[tuple(map(slice, params["start_indices"], params["limit_indices"]))]
    return keys.reshape(eqn.outvars[0].aval.shape)


def _as_number(atom: Any, operations: list[Operation]) -> Any:
    """A whole number as uint32."""
    if atom.dtype == np.dtype(np.uint32):
        return atom
    return _single("convert_element_type", [atom], operations)


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
        if kind in ("elementwise", "same", "fill"):
            args = _broadcast(eqn, args, operations)
        else:
            args = [_whole(arg, v.aval, operations) for arg, v in zip(args, eqn.invars, strict=True)]
        if kind == "keys":
            outs = [_walk_keys(eqn, args, operations)]
        elif kind == "repeat":
            axes = eqn.params["broadcast_dimensions"]
            outs = [_repeated(args[0], eqn.invars[0].aval.shape, axes, eqn.outvars[0].aval.shape, operations)]
        elif kind == "block":
            given, block = block_of(eqn, args, _program)
            outs = [_value(v.aval) for v in eqn.outvars]
            operations.append(Operation("call", eqn.primitive.name, {"block": block}, given, outs))
        elif kind == "nested":
            inner, inner_consts = nested(eqn)
            outs = _walk(inner, inner_consts, args, operations)
        elif kind == "same":
            outs = [
                arg if arg.shape == () and math.prod(v.aval.shape) == 1 else _reshaped(arg, v.aval.shape, operations)
                for arg, v in zip(args, eqn.outvars, strict=True)
            ]
        elif kind == "fill":
            single = args[0].shape == () and math.prod(eqn.outvars[0].aval.shape) == 1
            outs = [args[0] if single else _reshaped(args[0], eqn.outvars[0].aval.shape, operations)]
        else:
            outs = [_value(v.aval) for v in eqn.outvars]
            if kind == "elementwise" and all(arg.shape == () for arg in args):
                outs = [Value((), value.dtype) for value in outs]  # of arrays of one number
            params = dict(eqn.params)
            if kind == "view":
                params = _view(eqn, args)
                args = params.pop("inputs")
            if eqn.primitive.name == "dynamic_update_slice":
                params = {"shape": eqn.invars[0].aval.shape, "sizes": eqn.invars[1].aval.shape}
            operations.append(Operation(kind, name_of(eqn), params, args, outs))
        env.update(zip(eqn.outvars, outs, strict=True))
    return [_whole(read(v), v.aval, operations) for v in jaxpr.outvars]


def _broadcast(eqn: Any, args: list[Any], operations: list[Operation]) -> list[Any]:
    """Arrays of one number, of which a whole array is made, as that number; others that are repeated as they are then."""
    target = eqn.outvars[0].aval.shape
    if math.prod(target) == 1:
        return args
    whole = []
    for arg, v in zip(args, eqn.invars, strict=True):
        shape = v.aval.shape
        if math.prod(arg.shape) == 1:
            arg = _reshaped(arg, (), operations)
        elif math.prod(shape) != math.prod(target) and name_of(eqn) in EMITTERS:
            arg = _repeated(arg, shape, tuple(range(len(shape))), target, operations)
        whole.append(arg)
    return whole


def _repeated(
    atom: Any, shape: tuple[int, ...], axes: tuple[Any, ...], target: tuple[int, ...], operations: list[Operation]
) -> Any:
    """A whole array from one that is repeated along axes."""
    output = Value(tuple(target), atom.dtype)
    sizes = repeats(shape, axes, target, "broadcast_in_dim")
    operations.append(Operation("call", "broadcast_in_dim", {"sizes": sizes}, [atom], [output]))
    return output


def _whole(atom: Any, aval: Any, operations: list[Operation]) -> Any:
    """A number that was an array of one as that array again."""
    if is_key(aval) or atom.shape != () or aval.shape == ():
        return atom
    return _reshaped(atom, aval.shape, operations)


def _view(eqn: Any, args: list[Any]) -> dict[str, Any]:
    """`offset` of a static slice; of a dynamic one the starts, which follow the array, with their limits and strides."""
    if eqn.primitive.name == "slice":
        return {"offset": slice_offset(eqn), "inputs": args[:1]}
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
