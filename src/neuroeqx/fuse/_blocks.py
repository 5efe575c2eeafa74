"""Equations that hold programs of their own: branches (`cond`), and loops within a step (`scan` over its carry, `while`)."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ._call import Call, Unsupported
from ._random import is_key
from ._scan_params import counts, is_over_its_carry


@dataclasses.dataclass(eq=False)
class Block:
    """
    - `programs`: the branches; of a loop the body and, of a `while`, the condition. All have the inputs of the operation,
        of `cond` those after the number of the branch.
    - `first`: where the inputs of the programs begin among those of the operation.
    - `length`: how many rounds a `scan` has.
    - `in_place`: from places of outputs to those of the inputs of the operation whose memory they take over.
    """

    programs: list[Any]
    first: int
    length: int | None
    in_place: dict[int, int]

    def pairs(self, place: int) -> tuple[tuple[int, int], ...]:
        """Inputs and results of a program that share memory: of a condition none."""
        program = self.programs[place]
        own = {k: i for k, i in self.in_place.items() if k < len(program.outputs) and not program.outputs[k].scalar}
        return tuple((i - self.first, k) for k, i in own.items())


def programs_of(eqn: Any) -> list[Any]:
    """The jaxprs, body before condition."""
    params = eqn.params
    if eqn.primitive.name == "cond":
        return list(params["branches"])
    return [params["jaxpr"]] if eqn.primitive.name == "scan" else [params["body_jaxpr"], params["cond_jaxpr"]]


def check_block(eqn: Any) -> None:
    """What can be told without looking at the equations of the programs."""
    name = eqn.primitive.name
    if any(is_key(v.aval) for v in eqn.outvars):
        raise Unsupported(f"{name} that makes keys")
    if any(np.ndim(const) for closed in programs_of(eqn) for const in closed.consts):
        raise Unsupported(f"{name} with arrays as constants")
    if name == "scan" and not is_over_its_carry(eqn):
        raise Unsupported("scan over arrays")


def block_of(eqn: Any, args: list[Any], flatten: Callable[..., Any]) -> tuple[list[Any], Block]:
    """The inputs of the operation and its programs.

    **Arguments:**

    - `args`: what the equation is given.
    - `flatten`: from a jaxpr, the values that are inputs and what each of its arguments is, to a program.
    """
    from ._simplify import simplify

    params = eqn.params
    first = [args[0]] if eqn.primitive.name == "cond" else []
    args = args[len(first) :]
    constants = 0
    places = [list(range(len(args)))] * len(programs_of(eqn))
    if eqn.primitive.name == "scan":
        constants, _ = counts(eqn)
    elif eqn.primitive.name == "while":
        own, others = params["cond_nconsts"], params["body_nconsts"]
        constants = own + others
        carry = list(range(constants, len(args)))
        places = [[*range(own, constants), *carry], [*range(own), *carry]]
    is_loop = eqn.primitive.name != "cond"
    given = [(arg, is_loop and k >= constants) for k, arg in enumerate(args)]
    inputs = [word for arg, carried in given for word in _words(arg) if carried or not _is_known(word)]
    programs = []
    for closed, own in zip(programs_of(eqn), places, strict=True):
        values, atoms = [], []
        for arg, carried in given:
            atom, new = _inside(arg, carried)
            atoms.append(atom)
            values += new
        programs.append(simplify(flatten(closed, values, [atoms[k] for k in own])))
    if is_loop:
        begin = len(inputs) - len(eqn.outvars)
        in_place = {k: begin + k for k, v in enumerate(eqn.outvars) if v.aval.shape != ()}
        _check_places(programs[0], begin, eqn.primitive.name)
    else:
        in_place = _kept_by_a_branch(programs)
    in_place = {k: i + len(first) for k, i in in_place.items()}
    return [*first, *inputs], Block(programs, len(first), params.get("length"), in_place)


def _is_known(atom: Any) -> bool:
    from ._flat import Constant

    return isinstance(atom, Constant)


def _words(arg: Any) -> list[Any]:
    """Of keys their words."""
    return [word for key in arg.ravel() for word in key] if isinstance(arg, np.ndarray) else [arg]


def _inside(arg: Any, carried: bool) -> tuple[Any, list[Any]]:
    """What an argument is inside, and the inputs that are made for it."""
    from ._flat import Value

    if isinstance(arg, np.ndarray):
        keys, new = np.empty(arg.shape, object), []
        for place in np.ndindex(arg.shape):
            words = [_inside(word, False) for word in arg[place]]
            keys[place] = tuple(word for word, _ in words)
            new += [value for _, values in words for value in values]
        return keys, new
    if _is_known(arg) and not carried:
        return arg, []
    value = Value(tuple(arg.shape), arg.dtype)
    return value, [value]


def _origins(program: Any) -> list[Any]:
    """The inputs of which outputs are the whole or a part, unchanged; `None` for other outputs."""
    views = {id(op.outputs[0]): op.inputs[0] for op in program.operations if op.kind == "view"}
    places = {id(value): i for i, value in enumerate(program.inputs)}
    found = []
    for atom in program.outputs:
        while id(atom) in views:
            atom = views[id(atom)]
        found.append(None if atom.scalar else places.get(id(atom)))
    return found


def _check_places(body: Any, begin: int, name: str) -> None:
    for k, origin in enumerate(_origins(body)):
        if origin is not None and origin >= begin and body.outputs[k] is not body.inputs[begin + k]:
            raise Unsupported(f"{name} in which a part of the carry moves to another place")


def _kept_by_a_branch(programs: list[Any]) -> dict[int, int]:
    """Outputs that some branch leaves as they are given to it, unless a branch needs what is given elsewhere."""
    origins = [_origins(program) for program in programs]
    found: dict[int, int] = {}
    for program, own in zip(programs, origins, strict=True):
        for k, i in enumerate(own):
            if i is None or k in found or i in found.values() or program.outputs[k] is not program.inputs[i]:
                continue
            if not any(origin == i and j != k for other in origins for j, origin in enumerate(other)):
                found[k] = i
    return found


# Writing them


def _emit_branches(e: Any, operation: Any) -> None:
    builder, block = e.builder, operation.params["block"]
    _bring(e, operation)
    results = _room_for_numbers(e, operation)
    which = e.whole(operation.inputs[0])
    branches = [builder.append_basic_block("branch") for _ in block.programs]
    end = builder.append_basic_block("joined")
    chosen = builder.switch(which, branches[-1])  # as XLA does with numbers beyond the branches
    for k, branch in enumerate(branches[:-1]):
        chosen.add_case(which.type(k), branch)
    for part, branch in zip(e.plan.parts[id(operation)], branches, strict=True):
        builder.position_at_end(branch)
        inner = _inner(e, operation, part)
        inner.run_stages()
        _finish(e, operation, inner, results)
        builder.branch(end)
    builder.position_at_end(end)
    _read(e, operation, results)


def _emit_rounds(e: Any, operation: Any) -> None:
    builder, block = e.builder, operation.params["block"]
    _bring(e, operation)
    carry = operation.inputs[len(operation.inputs) - len(operation.outputs) :]
    kept = _room_for_numbers(e, operation)
    for k, place in kept.items():
        builder.store(e.single(carry[k]), place)
    body, *conditions = e.plan.parts[id(operation)]
    header, rounds = builder.append_basic_block("header"), builder.append_basic_block("rounds")
    end = builder.append_basic_block("done")
    with builder.goto_entry_block():
        count = builder.alloca(e.word(0).type)
    builder.store(e.word(0), count)
    builder.branch(header)
    builder.position_at_end(header)
    if conditions:
        inner = _inner(e, operation, conditions[0], kept)
        inner.run_stages()
        goes_on = inner.single(inner.plan.flat.outputs[0])
    else:
        number = builder.load(count)
        builder.store(builder.add(number, e.word(1)), count)
        goes_on = builder.icmp_unsigned("<", number, e.word(block.length))
    builder.cbranch(goes_on, rounds, end)
    builder.position_at_end(rounds)
    inner = _inner(e, operation, body, kept)
    inner.run_stages()
    _finish(e, operation, inner, kept)
    builder.branch(header)
    builder.position_at_end(end)
    _read(e, operation, kept)


def _bring(e: Any, operation: Any) -> None:
    """Brings the arrays that are changed in place into the memory of the outputs."""
    for k, i in operation.params["block"].in_place.items():
        e.in_place(operation, k, operation.inputs[i])


def _room_for_numbers(e: Any, operation: Any) -> dict[int, Any]:
    places = {}
    for k, value in enumerate(operation.outputs):
        if value.scalar:
            with e.builder.goto_entry_block():
                places[k] = e.builder.alloca(e.type_of(value))
    return places


def _inner(e: Any, operation: Any, part: Any, kept: dict[int, Any] | None = None) -> Any:
    """An emitter for one of the programs, whose inputs and results lie where those of the operation lie.

    **Arguments:**

    - `kept`: of a loop, where the single numbers of its carry are.
    """
    inner = e.within(part.plan)
    block = operation.params["block"]
    shared = {i - block.first: k for k, i in block.in_place.items()}
    given = operation.inputs[block.first :]
    begin = len(given) - len(operation.outputs)
    for i, (value, outer) in enumerate(zip(part.plan.flat.inputs, given, strict=True)):
        if value.scalar:
            carried = None if kept is None else kept.get(i - begin)
            inner.define(value, e.single(outer) if carried is None else e.builder.load(carried))
        elif i in shared:
            inner.given["operand", i] = e.place(e.plan.slots[id(operation.outputs[shared[i]])])
        elif id(outer) in e.views:
            inner.views[id(value)] = e.views[id(outer)]
        else:
            inner.given["operand", i] = e.place(e.plan.slots[id(outer)])
    for k, value in enumerate(operation.outputs):
        if not value.scalar:
            inner.given["result", k] = e.place(e.plan.slots[id(value)])
    for r, slot in enumerate(part.room):
        inner.given["room", r] = e.place(slot)
    return inner


def _finish(e: Any, operation: Any, inner: Any, results: dict[int, Any]) -> None:
    """Puts the results of a program to where they belong."""
    outputs, inputs = inner.plan.flat.outputs, inner.plan.flat.inputs
    block = operation.params["block"]
    own = {k: inputs[i - block.first] for k, i in block.in_place.items()}
    for k, place in results.items():
        e.builder.store(inner.single(outputs[k]), place)
    for k, atom in inner.plan.copies:
        if not atom.scalar and atom is not own.get(k):
            inner.copy(e.address(operation.outputs[k]), atom)


def _read(e: Any, operation: Any, places: dict[int, Any]) -> None:
    for k, place in places.items():
        e.define(operation.outputs[k], e.builder.load(place))


BLOCKS = {
    "cond": Call(check_block, _emit_branches, {}),
    "scan": Call(check_block, _emit_rounds, {}),
    "while": Call(check_block, _emit_rounds, {}),
}
