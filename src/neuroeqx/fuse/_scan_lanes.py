"""What the lanes of a fused scan do: the body as operations on single numbers and on arrays of one length.

The members of a batch lie side by side, so that a batch is a longer array. Nothing here knows which language the native code
is written in.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from ._call import Unsupported
from ._flat import Atom, Constant, Flat, flatten, Operation, Value
from ._random import is_key
from ._simplify import simplify


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """
    - `body`: from constants, carry and the inputs of a step to the carry and the outputs of a step, without a batch.
    - `consts`, `carry`: how many there are of these.
    - `members`: of a batch, if there is one.
    - `batched`: for every operand whether each member has its own. The axis of members is the first, but for the inputs and
        outputs of steps the second: theirs is that of time.
    - `reverse`: from the last step to the first.
    """

    body: ClosedJaxpr
    consts: int
    carry: int
    length: int
    members: int | None
    batched: tuple[bool, ...]
    reverse: bool = False

    def depends(self, flags: Sequence[bool], smoothly: bool = False) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """The operands and the results that depend on those operands; `smoothly` if not by whole numbers."""
        own = list(flags)
        while True:
            known = {v for v, flag in zip(self.body.jaxpr.invars, own, strict=True) if flag}
            for eqn in self.body.jaxpr.eqns:
                if any(atom in known for atom in eqn.invars if not isinstance(atom, Literal)):
                    known.update(v for v in eqn.outvars if not smoothly or is_real(v.aval))
            results = [not isinstance(atom, Literal) and atom in known for atom in self.body.jaxpr.outvars]
            before = list(own)
            for k in range(self.carry):
                own[self.consts + k] |= results[k]
            if own == before:
                results[: self.carry] = own[self.consts : self.consts + self.carry]
                return tuple(own), tuple(results)


def is_real(aval: Any) -> bool:
    """Whether there are tangents of it."""
    return jnp.issubdtype(aval.dtype, jnp.inexact)


@dataclasses.dataclass(eq=False)
class Input:
    """A number, or an array of all lanes, that a kernel reads: a whole operand, or one number of it."""

    value: Value
    operand: int
    offset: int | None


@dataclasses.dataclass(eq=False)
class Lanes:
    """
    - `size`: how many lanes there are, `own` of them for each member of a batch.
    - `inputs`: in the order of operands: constants, carry, inputs of steps.
    - `carried`, `ys`: what a step makes.
    - `once`, `before`: operations on single numbers and on lanes that are the same in every step.
    - `singles`, `step`: those that are not.
    - `reverse`: from the last step to the first.
    """

    size: int
    own: int
    consts: list[Input]
    carry: list[Input]
    xs: list[Input]
    carried: list[Atom]
    ys: list[Atom]
    once: list[Operation]
    before: list[Operation]
    singles: list[Operation]
    step: list[Operation]
    reverse: bool

    @property
    def inputs(self) -> list[Input]:
        return [*self.consts, *self.carry, *self.xs]


def lanes_of(scan: Scan) -> Lanes:
    """Raises `Unsupported` unless all that is done is done for each lane on its own."""
    for v in (*scan.body.jaxpr.invars[scan.consts :], *scan.body.jaxpr.outvars):
        if is_key(v.aval):
            raise Unsupported("keys that change with time")
    walked = flatten(scan.body)
    own = _length(walked, scan)
    inputs, flat = _Lanes(walked, scan, own).run()
    flat = simplify(flat)
    varying = {id(i.value) for i in inputs if i.operand >= scan.consts}
    for operation in flat.operations:
        if any(id(atom) in varying for atom in operation.inputs):
            varying.add(id(operation.outputs[0]))
    groups: dict[tuple[bool, bool], list[Operation]] = {(a, b): [] for a in (False, True) for b in (False, True)}
    for operation in _inverted(flat.operations, varying):
        groups[operation.outputs[0].scalar, id(operation.outputs[0]) in varying].append(operation)
    read = {id(atom) for operations in groups.values() for op in operations for atom in op.inputs}
    read.update(id(atom) for atom in flat.outputs)
    first, last = scan.consts, scan.consts + scan.carry
    return Lanes(
        own * (scan.members or 1),
        own,
        [i for i in inputs if i.operand < first and id(i.value) in read],
        [i for i in inputs if first <= i.operand < last],
        [i for i in inputs if i.operand >= last and id(i.value) in read],
        flat.outputs[: scan.carry],
        flat.outputs[scan.carry :],
        groups[True, False],
        groups[False, False],
        groups[True, True],
        groups[False, True],
        scan.reverse,
    )


def _length(flat: Flat, scan: Scan) -> int:
    """The one length that all arrays have."""
    viewed = {id(op.inputs[0]) for op in flat.operations if op.kind == "view"}
    read = {id(atom) for op in flat.operations if op.kind != "view" for atom in op.inputs} | {
        id(atom) for atom in flat.outputs
    }
    arrays = [v for i, v in enumerate(flat.inputs) if id(v) in read or not (i < scan.consts and id(v) in viewed)]
    arrays += [v for op in flat.operations for v in op.outputs]
    sizes = {math.prod(v.shape) for v in arrays} - {1}
    if len(sizes) > 1 or 0 in sizes:
        raise Unsupported(f"arrays of {sorted(sizes)} numbers")
    return sizes.pop() if sizes else 1


class _Lanes:
    """The operations again, on values whose shape is either that of a number or that of all lanes."""

    def __init__(self, flat: Flat, scan: Scan, own: int):
        self.flat, self.scan = flat, scan
        self.all = (own * (scan.members or 1),)
        self.inputs: list[Input] = []
        self.operations: list[Operation] = []
        self.env: dict[int, Atom] = {}
        self.parts: dict[tuple[int, int], Value] = {}
        self.places = {id(value): i for i, value in enumerate(flat.inputs)}

    def run(self) -> tuple[list[Input], Flat]:
        for i, value in enumerate(self.flat.inputs):
            new = Value(self.all if value.size > 1 or self.scan.batched[i] else (), value.dtype)
            self.env[id(value)] = new
            self.inputs.append(Input(new, i, None))
        for operation in self.flat.operations:
            if operation.kind == "view":
                self.env[id(operation.outputs[0])] = self._part(operation)
            elif operation.kind == "elementwise":
                self._elementwise(operation)
            else:
                raise Unsupported(f"{operation.name} is not elementwise")
        _, batched = self.scan.depends(self.scan.batched)
        outputs = [self._output(atom, flag) for atom, flag in zip(self.flat.outputs, batched, strict=True)]
        self.inputs.sort(key=lambda i: i.operand)
        return self.inputs, Flat([i.value for i in self.inputs], self.operations, outputs)

    def _read(self, atom: Atom) -> Atom:
        return atom if isinstance(atom, Constant) else self.env[id(atom)]

    def _part(self, operation: Operation) -> Atom:
        """One number of an array: the array, if it has no others, or else one of a constant."""
        source, starts = operation.inputs[0], operation.inputs[1:]
        if starts or math.prod(operation.outputs[0].shape) != 1:
            raise Unsupported("a part of an array")
        if math.prod(source.shape) == 1:
            return self._read(source)
        place, offset = self.places.get(id(source), self.scan.consts), operation.params["offset"]
        if place >= self.scan.consts:
            raise Unsupported("a part of an array that changes with time")
        if (place, offset) not in self.parts:
            part = Value(self.all if self.scan.batched[place] else (), source.dtype)
            self.parts[place, offset] = part
            self.inputs.append(Input(part, place, offset))
        return self.parts[place, offset]

    def _elementwise(self, operation: Operation) -> None:
        inputs = [self._read(atom) for atom in operation.inputs]
        [output] = operation.outputs
        wide = output.size > 1 or any(not atom.scalar for atom in inputs)
        new = Value(self.all if wide else (), output.dtype)
        self.env[id(output)] = new
        self.operations.append(dataclasses.replace(operation, inputs=inputs, outputs=[new]))

    def _output(self, atom: Atom, batched: bool) -> Atom:
        new = self._read(atom)
        if new.scalar and (math.prod(atom.shape) > 1 or batched):
            filled = Value(self.all, new.dtype)
            self.operations.append(Operation("elementwise", "fill", {}, [new], [filled]))
            return filled
        return new


def _inverted(operations: list[Operation], varying: set[int]) -> list[Operation]:
    """Divisors that are the same in every step are inverted before the first one: a division takes longer than all else."""
    inverses: dict[Any, Atom] = {}
    result = []
    for operation in operations:
        output = operation.outputs[0]
        if operation.name == "div" and output.dtype.kind == "f" and not output.scalar and id(output) in varying:
            a, b = operation.inputs
            if id(b) not in varying:
                key = (b.value, b.dtype) if isinstance(b, Constant) else id(b)
                if key not in inverses:
                    inverses[key] = _inverse(b, result)
                operation = dataclasses.replace(operation, name="mul", params={}, inputs=[a, inverses[key]])
        result.append(operation)
    return result


def _inverse(divisor: Atom, operations: list[Operation]) -> Atom:
    if isinstance(divisor, Constant):
        with np.errstate(all="ignore"):
            return Constant((divisor.dtype.type(1) / divisor.dtype.type(divisor.value)).item(), divisor.dtype)
    inverse = Value(divisor.shape, divisor.dtype)
    operations.append(Operation("elementwise", "div", {}, [Constant(1.0, divisor.dtype), divisor], [inverse]))
    return inverse


# Between the operands and results of the primitive and those of a kernel


def to_lanes(scan: Scan, lanes: Lanes, operands: Any) -> list[Any]:
    """What the inputs read: each of shape `()` or `[lanes]`, those of steps with an axis of time before."""
    arrays = []
    for own in lanes.inputs:
        x = operands[own.operand]
        x = jax.random.key_data(x) if is_key(x) else x
        lead = (scan.length,) if own.operand >= scan.consts + scan.carry else ()
        batch = (scan.members or 1,) if scan.batched[own.operand] else (1,)
        x = x.reshape(*lead, *batch, -1)
        if own.offset is not None:
            x = x[..., own.offset : own.offset + 1]
        if own.value.scalar:
            x = x.reshape(lead)
        else:
            x = jnp.broadcast_to(x, (*lead, scan.members or 1, lanes.own)).reshape(*lead, lanes.size)
        arrays.append(x)
    return arrays


def result_shapes(scan: Scan, lanes: Lanes) -> list[jax.ShapeDtypeStruct]:
    """Of the results of a kernel: the carry, then the outputs of all steps."""
    shape = lambda atom: () if atom.scalar else (lanes.size,)
    carried = [jax.ShapeDtypeStruct(shape(atom), atom.dtype) for atom in lanes.carried]
    return carried + [jax.ShapeDtypeStruct((scan.length, *shape(atom)), atom.dtype) for atom in lanes.ys]


def from_lanes(scan: Scan, lanes: Lanes, results: Any) -> list[Any]:
    """The results of the primitive from those of a kernel."""
    _, batched = scan.depends(scan.batched)
    arrays = []
    for k, (x, v) in enumerate(zip(results, scan.body.jaxpr.outvars, strict=True)):
        lead = () if k < scan.carry else (scan.length,)
        shape = v.aval.shape
        if x.ndim > len(lead):
            x = x.reshape(*lead, scan.members or 1, lanes.own)[..., : math.prod(shape)]
            x = x if batched[k] else x[..., 0, :]
        member = (scan.members,) if batched[k] else ()
        arrays.append(x.reshape(*lead, *member, *shape))
    return arrays
