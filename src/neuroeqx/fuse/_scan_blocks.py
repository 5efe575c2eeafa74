"""Lanes of a fused scan in blocks: all those of a block take a step, then the next one.

A step of a layer is a few operations for each number that it reads and writes. A vector that went through all steps alone would
touch a line of memory in another page each time, for which neither the processor's prefetching nor its caches are made, and
each of its operations would wait for the one before. The vectors of a block read and write pages from end to end, and know
nothing of each other; their state lies, meanwhile, where it is wanted in the end, in the nearest cache.
"""

from typing import Any

from llvmlite import ir

from ._flat import Constant, Operation
from ._loops import counted
from ._schedule import reorder


_WORD = ir.IntType(64)
_VECTORS = 32  # of a block: a line of each in half a page
_FEWEST = 8  # vectors for which it is worth it
_ROOM = 2**14  # bytes of state, and of what is the same in every step, that are near


def write_blocks(e: Any, first: Any, end: Any) -> Any:
    """Writes the loops for all whole vectors from `first` to `end`, if these are not few. Returns the first lane that is left.

    **Arguments:**

    - `e`: what writes the code of the scan.
    """
    builder, lanes = e.builder, e.lanes
    uniform, varying = _before(lanes)
    live = sum(not own.value.scalar for own in (*lanes.carry, *lanes.consts)) + len(varying)
    most = max(_FEWEST, min(_VECTORS, _ROOM // (64 * max(live, 1))))
    whole = builder.udiv(builder.sub(end, first), _WORD(e.width))
    whole = builder.select(builder.icmp_signed("<", whole, _WORD(_FEWEST)), _WORD(0), whole)
    v = e.vector()
    same = {key: v.fill(number) for key, number in e.env.items()}
    for operation in uniform:
        e.operation(operation, [(v, same)])
    with builder.goto_entry_block():
        kept = {id(op.outputs[0]): builder.alloca(_vector(v, op), most) for op in varying}
    with counted(builder, builder.udiv(builder.add(whole, _WORD(most - 1)), _WORD(most))) as k:
        done = builder.mul(k, _WORD(most))
        left = builder.sub(whole, done)
        count = builder.select(builder.icmp_unsigned("<", left, _WORD(most)), left, _WORD(most))
        _block(e, builder.add(first, builder.mul(done, _WORD(e.width))), count, same, varying, kept)
    return builder.add(first, builder.mul(whole, _WORD(e.width)))


def _vector(v: Any, operation: Operation) -> Any:
    return v.const(0, operation.outputs[0].dtype).type


def _before(lanes: Any) -> tuple[list[Operation], list[Operation]]:
    """What is the same in every step: operations that are the same for all lanes, and those that are not."""
    same: set[int] = set()
    uniform, varying = [], []
    for operation in lanes.before:
        known = lambda atom: isinstance(atom, Constant) or atom.scalar or id(atom) in same
        # What has no operands but numbers may still depend on the place of a lane.
        if operation.name != "neuroeqx_random_bits" and all(map(known, operation.inputs)):
            same.add(id(operation.outputs[0]))
            uniform.append(operation)
        else:
            varying.append(operation)
    return uniform, varying


def _block(
    e: Any, first: Any, count: Any, same: dict[int, Any], varying: list[Operation], kept: dict[int, Any]
) -> None:
    """All steps of `count` vectors from lane `first` on."""
    builder, lanes = e.builder, e.lanes
    consts = [own.value for own in lanes.consts if not own.value.scalar]
    carry = [own.value for own in lanes.carry if not own.value.scalar]
    carried = [(k, atom) for k, atom in enumerate(lanes.carried) if not lanes.carry[k].value.scalar]

    def begin(j: Any) -> tuple[Any, dict[int, Any]]:
        v, env = e.vector(), dict(same)
        v.start = builder.add(first, builder.mul(j, _WORD(e.width)))
        for value in consts:
            env[id(value)] = e.load(value.dtype, e.input(value), v.start, e.width)
        return v, env

    with counted(builder, count) as j:
        v, env = begin(j)
        for operation in varying:
            e.operation(operation, [(v, env)])
            builder.store(env[id(operation.outputs[0])], builder.gep(kept[id(operation.outputs[0])], [j]))
        for value, (k, _) in zip(carry, carried, strict=True):
            e.store(e.load(value.dtype, e.input(value), v.start, e.width), value.dtype, e.result(k), v.start, e.width)
    last = builder.sub(e.time, _WORD(1))
    with counted(builder, e.time) as i:
        t = builder.sub(last, i) if lanes.reverse else i
        row = builder.mul(t, e.size)
        with counted(builder, count) as j:
            v, env = begin(j)
            for operation in varying:
                env[id(operation.outputs[0])] = builder.load(builder.gep(kept[id(operation.outputs[0])], [j]))
            block, start = builder.block, len(builder.block.instructions)
            for value, (k, _) in zip(carry, carried, strict=True):
                env[id(value)] = e.load(value.dtype, e.result(k), v.start, e.width)
            for own in lanes.xs:
                if not own.value.scalar:
                    e.ask_for(own.value.dtype, e.input(own.value), builder.add(row, v.start), 1, write=False)
            e.read(t, [(v, env)], None)
            for operation in lanes.step:
                e.operation(operation, [(v, env)])
            if builder.block is block:
                reorder(block, start)
            for k, atom in enumerate(lanes.ys):
                if not atom.scalar:
                    result, place = e.result(len(lanes.carried) + k), builder.add(row, v.start)
                    e.store(e.single(v, atom, env), atom.dtype, result, place, e.width)
                    e.ask_for(atom.dtype, result, place, 1, write=True)
            numbers = [e.single(v, atom, env) for _, atom in carried]
            for (k, atom), number in zip(carried, numbers, strict=True):
                e.store(number, atom.dtype, e.result(k), v.start, e.width)
