"""Native code of a fused scan for CPU: for every few vectors of 64 bytes a loop over time, with the state in registers.

First one pass over time computes what single numbers there are, and keeps for the lanes what these need of them. Then come
the lanes, in two threads where that is worth it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from llvmlite import ir

from ..ops import _frame
from ..ops._two_threads import run_in_two
from ._compile import handler
from ._describe import digest
from ._elementwise import EMITTERS, FUNCTIONS
from ._flat import Atom, Constant, Operation, Value
from ._large_pages import ask_for_large_pages
from ._loops import counted
from ._scan_blocks import write_blocks
from ._scan_lanes import Lanes
from ._schedule import reorder
from ._vectors import BYTES, element_type, Vectors


_WORD, _BYTE, _NUMBER = ir.IntType(64), ir.IntType(8), ir.IntType(32)
_WORTH_TWO = 2**21  # operations on lanes from which another thread is asked: some 100 us of work
_BLOCKS = 150  # operations up to which memory is what lanes wait for
_AHEAD = 8  # steps after which a line is written that is asked for: the processor does not see such strides


def call(lanes: Lanes, length: int, arrays: list[Any], shapes: list[jax.ShapeDtypeStruct]) -> list[Any]:
    """The results of a fused scan, as a call of native code."""
    text = _describe(lanes)
    write = lambda builder, frame: _Program(lanes, digest(text)).write(builder, frame)
    target = _frame.register(f"neuroeqx_fused_scan_{digest(text)}", lambda: handler(text, write))
    kept = [jax.ShapeDtypeStruct((length,), value.dtype) for value in _kept(lanes)]
    sizes = np.array([lanes.size, length, lanes.own], np.int32)
    results = jax.ffi.ffi_call(target, [*shapes, *kept])(sizes, *arrays)
    return list(results)[: len(shapes)]


def _kept(lanes: Lanes) -> list[Value]:
    """Single numbers that are computed in every step and read by lanes."""
    made = {id(op.outputs[0]) for op in lanes.singles} | {id(own.value) for own in lanes.carry if own.value.scalar}
    atoms = [atom for op in lanes.step for atom in op.inputs]
    read = {id(atom): atom for atom in atoms if isinstance(atom, Value) and id(atom) in made}
    return list(read.values())


def _describe(lanes: Lanes) -> str:
    """All that native code depends on. Sizes are not among it."""
    names: dict[int, str] = {}

    def name(atom: Atom) -> str:
        if isinstance(atom, Constant):
            return f"{atom.value!r}:{atom.dtype}"
        own = names.setdefault(id(atom), f"v{len(names)}")
        return f"{own}:{atom.dtype}{'' if atom.scalar else '[]'}"

    def line(op: Operation) -> str:
        params = {k: str(x) for k, x in sorted(op.params.items()) if isinstance(x, int | float | str)}
        return f"{name(op.outputs[0])} = {op.name}{params} {list(map(name, op.inputs))}"

    lines = [str([[name(own.value) for own in part] for part in (lanes.consts, lanes.carry, lanes.xs)])]
    for part in (lanes.once, lanes.before, lanes.singles, lanes.step):
        lines += ["part", *map(line, part)]
    lines.append(str([list(map(name, part)) for part in (lanes.carried, lanes.ys, _kept(lanes))]))
    return "scan" + "\n".join([*lines, f"batch {lanes.own != lanes.size} reverse {lanes.reverse}"])


class Places(Vectors):
    """Vectors that know how many lanes each member of a batch has."""

    def __init__(self, builder: Any, lanes: int | None, own: Any | None):
        Vectors.__init__(self, builder, lanes, divides=True)
        self.own = own

    def place(self) -> Any:
        place = Vectors.place(self)
        if self.own is None or self.lanes is None:
            return place
        return self.builder.urem(place, self.fill(self.builder.trunc(self.own, _NUMBER)))


def _apply(v: Vectors, operation: Operation, args: list[Any]) -> Any:
    if operation.name == "fill":
        return args[0]
    dtypes = [atom.dtype for atom in operation.inputs]
    return EMITTERS[operation.name](v, operation.params, dtypes, operation.outputs[0].dtype, *args)


class _Program:
    """Writes the code of one scan."""

    kernels: dict[str, str] = {}  # none is called

    def __init__(self, lanes: Lanes, name: str):
        self.lanes, self.name = lanes, name
        self.inputs = {id(own.value): 1 + k for k, own in enumerate(lanes.inputs)}
        self.kept = _kept(lanes)
        outputs = len(lanes.carried) + len(lanes.ys)
        self.scratch = {id(value): outputs + k for k, value in enumerate(self.kept)}
        values = [v for op in (*lanes.before, *lanes.step) for v in (*op.inputs, *op.outputs)]
        values += [own.value for own in lanes.inputs] + [*lanes.carried, *lanes.ys]
        self.width = BYTES // max((v.dtype.itemsize for v in values if not v.scalar), default=4)
        self.cost = sum(1 + 20 * (op.name in FUNCTIONS) for op in lanes.step)
        live = sum(not own.value.scalar for own in (*lanes.carry, *lanes.consts)) + len(lanes.before)
        self.side_by_side = 4 if self.cost <= 20 and live <= 6 else 2 if self.cost <= 50 and live <= 10 else 1

    def write(self, builder: Any, frame: Any) -> "_Program":
        self._open(builder, frame)
        for k, atom in enumerate(self.lanes.ys):
            if not atom.scalar:
                size = builder.mul(builder.mul(self.size, self.time), _WORD(atom.dtype.itemsize))
                ask_for_large_pages(builder, self.result(len(self.lanes.carried) + k), size)
        self._singles()
        if any(not atom.scalar for atom in (*self.lanes.carried, *self.lanes.ys)):
            part = self._part(builder.module)
            self._open(builder, frame)
            work = builder.mul(builder.mul(self.size, self.time), _WORD(max(self.cost, 4)))
            two = builder.icmp_unsigned(">", work, _WORD(_WORTH_TWO))
            middle = builder.and_(builder.lshr(self.size, _WORD(1)), _WORD(-256))

            def half(builder: Any, frame: Any, middle: Any, which: int) -> None:
                ends = [middle, _WORD(-1)] if which else [_WORD(0), middle]
                builder.call(part, [frame, *ends])

            with builder.if_else(two) as (then, otherwise):
                with then:
                    run_in_two(builder, frame, middle, half, "neuroeqx_second_half")
                with otherwise:
                    builder.call(part, [frame, _WORD(0), _WORD(-1)])
        return self

    # Reading the frame

    def _open(self, builder: Any, frame: Any) -> None:
        self.builder, self.frame = builder, frame
        self.bases: dict[tuple[int, int], Any] = {}
        sizes = [self.load(np.dtype(np.int32), self._at(_frame.ARGUMENTS, 0), _WORD(k)) for k in range(3)]
        self.size, self.time, self.own = (builder.zext(number, _WORD) for number in sizes)
        self.env: dict[int, Any] = {}  # single numbers that are the same in every step
        scalar = Vectors(builder, None)
        for own in (*self.lanes.consts, *self.lanes.carry):
            if own.value.scalar:
                self.env[id(own.value)] = self.load(own.value.dtype, self.input(own.value), _WORD(0))
        for operation in self.lanes.once:
            args = [self.single(scalar, atom, self.env) for atom in operation.inputs]
            self.env[id(operation.outputs[0])] = _apply(scalar, operation, args)

    def _word(self, address: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, _WORD.as_pointer()))

    def _at(self, side: int, place: int) -> Any:
        """The address of a buffer's numbers."""
        if (side, place) not in self.bases:
            buffers = self._word(self.builder.add(self.frame, _WORD(side)))
            buffer = self._word(self.builder.add(buffers, _WORD(8 * place)))
            self.bases[side, place] = self._word(self.builder.add(buffer, _WORD(_frame.DATA)))
        return self.bases[side, place]

    def input(self, value: Value) -> Any:
        return self._at(_frame.ARGUMENTS, self.inputs[id(value)])

    def result(self, place: int) -> Any:
        return self._at(_frame.RESULTS, place)

    def _pointer(self, dtype: np.dtype, start: Any, place: Any, width: int | None) -> Any:
        element = _BYTE if dtype.kind == "b" else element_type(dtype)
        address = self.builder.add(start, self.builder.mul(place, _WORD(dtype.itemsize)))
        kind = element if width is None else ir.VectorType(element, width)
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(self, dtype: np.dtype, start: Any, place: Any, width: int | None = None, mask: Any = None) -> Any:
        pointer = self._pointer(dtype, start, place, width)
        if mask is None:
            number = self.builder.load(pointer, align=dtype.itemsize)
        else:
            kind = pointer.type.pointee
            number = self._masked("load", kind, [pointer], mask, dtype, [ir.Constant(kind, [0] * kind.count)])
        truth = element_type(dtype) if width is None else ir.VectorType(element_type(dtype), width)
        return self.builder.trunc(number, truth) if dtype.kind == "b" else number

    def store(self, number: Any, dtype: np.dtype, start: Any, place: Any, width: Any = None, mask: Any = None) -> None:
        pointer = self._pointer(dtype, start, place, width)
        number = self.builder.zext(number, pointer.type.pointee) if dtype.kind == "b" else number
        if mask is None:
            self.builder.store(number, pointer, align=dtype.itemsize)
        else:
            self._masked("store", number.type, [number, pointer], mask, dtype, [])

    def ask_for(self, dtype: np.dtype, start: Any, place: Any, steps: int, write: bool) -> None:
        """Asks for the line of memory at a place some steps later, which may lie past the end."""
        on = self.builder.sub if self.lanes.reverse else self.builder.add
        place = on(place, self.builder.mul(self.size, _WORD(steps)))
        address = self.builder.add(start, self.builder.mul(place, _WORD(dtype.itemsize)))
        args = [self.builder.inttoptr(address, _BYTE.as_pointer()), *map(_NUMBER, (int(write), 3, 1))]  # keep, data
        name, kind = "llvm.prefetch.p0", ir.FunctionType(ir.VoidType(), [a.type for a in args])
        self.builder.call(self.builder.module.globals.get(name) or ir.Function(self.builder.module, kind, name), args)

    def _masked(self, what: str, kind: Any, args: list[Any], mask: Any, dtype: np.dtype, rest: list[Any]) -> Any:
        element = str(kind.element).replace("float", "f32").replace("double", "f64")
        name = f"llvm.masked.{what}.v{kind.count}{element}.p0"
        args = [*args, _NUMBER(dtype.itemsize), mask, *rest]
        result = kind if what == "load" else ir.VoidType()
        known = self.builder.module.globals.get(name)
        function = known or ir.Function(self.builder.module, ir.FunctionType(result, [a.type for a in args]), name)
        return self.builder.call(function, args)

    def single(self, v: Vectors, atom: Atom, env: dict[int, Any]) -> Any:
        return v.const(atom.value, atom.dtype) if isinstance(atom, Constant) else env[id(atom)]

    # The loops

    def _over_time(self, begin: list[Any], step: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
        """The carry after all steps; `step` writes one, from its number and the carry. There is at least one."""
        builder = self.builder
        before = builder.block
        block, end = builder.append_basic_block("time"), builder.append_basic_block("after")
        builder.branch(block)
        builder.position_at_end(block)
        t = builder.phi(_WORD)
        phis = [builder.phi(value.type) for value in begin]
        last = builder.sub(self.time, _WORD(1))
        values = step(builder.sub(last, t) if self.lanes.reverse else t, phis)
        following = builder.add(t, _WORD(1))
        for phi, first, value in zip((t, *phis), (_WORD(0), *begin), (following, *values), strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, self.time), block, end)
        builder.position_at_end(end)
        return values

    def _singles(self) -> None:
        lanes, scalar = self.lanes, Vectors(self.builder, None)
        carry = [own for own in lanes.carry if own.value.scalar]
        carried = [(k, atom) for k, atom in enumerate(lanes.carried) if lanes.carry[k].value.scalar]
        ys = [(len(lanes.carried) + k, atom) for k, atom in enumerate(lanes.ys) if atom.scalar]
        if not carried and not ys and not self.kept:
            return
        xs = [(own.value, self.input(own.value)) for own in lanes.xs if own.value.scalar]
        kept = [(self.result(self.scratch[id(value)]), value) for value in self.kept]
        results = [(self.result(k), atom) for k, atom in ys]

        def step(t: Any, phis: list[Any]) -> list[Any]:
            env = self.env | {id(own.value): phi for own, phi in zip(carry, phis, strict=True)}
            for value, start in xs:
                env[id(value)] = self.load(value.dtype, start, t)
            for operation in lanes.singles:
                args = [self.single(scalar, atom, env) for atom in operation.inputs]
                env[id(operation.outputs[0])] = _apply(scalar, operation, args)
            for start, atom in (*results, *kept):
                self.store(self.single(scalar, atom, env), atom.dtype, start, t)
            return [self.single(scalar, atom, env) for _, atom in carried]

        last = self._over_time([self.env[id(own.value)] for own in carry], step)
        for (k, atom), number in zip(carried, last, strict=True):
            self.store(number, atom.dtype, self.result(k), _WORD(0))

    def _part(self, module: Any) -> Any:
        """A function of the frame for the lanes from a first to a last."""
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_WORD] * 3), f"lanes_{self.name}")
        # What does not fit into registers is kept where it does not cross the lines of the cache.
        function.attributes.alignstack = BYTES
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        frame, first, end = function.args
        self._open(builder, frame)
        for own in self.lanes.inputs:
            self.input(own.value)
        for k in range(len(self.lanes.carried) + len(self.lanes.ys) + len(self.kept)):
            self.result(k)
        end = builder.select(builder.icmp_unsigned("<", end, self.size), end, self.size)
        width = _WORD(self.width)
        if self.cost <= _BLOCKS:
            first = write_blocks(self, first, end)
        elif self.side_by_side > 1:
            group = _WORD(self.width * self.side_by_side)
            groups = builder.udiv(builder.sub(end, first), group)
            with counted(builder, groups) as k:
                self._vectors(builder.add(first, builder.mul(k, group)), self.side_by_side, None)
            first = builder.add(first, builder.mul(groups, group))
        rest = builder.udiv(builder.add(builder.sub(end, first), _WORD(self.width - 1)), width)
        with counted(builder, rest) as k:
            start = builder.add(first, builder.mul(k, width))
            single = Vectors(builder, self.width)
            lane = ir.Constant(ir.VectorType(_WORD, self.width), list(range(self.width)))
            mask = builder.icmp_unsigned("<", lane, single.fill(builder.sub(end, start)))
            self._vectors(start, 1, mask)
        builder.ret_void()
        return function

    def vector(self) -> Any:
        return Places(self.builder, self.width, None if self.lanes.own == self.lanes.size else self.own)

    def _vectors(self, base: Any, number: int, mask: Any | None) -> None:
        """All steps for some vectors that lie side by side."""
        lanes, builder = self.lanes, self.builder
        vectors = [self.vector() for _ in range(number)]
        for u, v in enumerate(vectors):
            v.start = builder.add(base, _WORD(u * self.width))
        same = {key: vectors[0].fill(number) for key, number in self.env.items()}
        envs = [dict(same) for _ in vectors]
        each = list(zip(vectors, envs, strict=True))
        for own in (*lanes.consts, *lanes.carry):
            if not own.value.scalar:
                for v, env in each:
                    env[id(own.value)] = self.load(own.value.dtype, self.input(own.value), v.start, self.width, mask)
        for operation in lanes.before:
            self.operation(operation, each)
        carry = [own for own in lanes.carry if not own.value.scalar]
        carried = [(k, atom) for k, atom in enumerate(lanes.carried) if not lanes.carry[k].value.scalar]

        def step(t: Any, phis: list[Any]) -> list[Any]:
            block, begin = builder.block, len(builder.block.instructions)
            now = [(v, dict(env)) for v, env in each]
            phi = iter(phis)
            for _, env in now:
                env.update({id(own.value): next(phi) for own in carry})
            self.read(t, now, mask)
            for operation in lanes.step:
                self.operation(operation, now)
            if builder.block is block:
                reorder(block, begin)
            row = builder.mul(t, self.size)
            for k, atom in enumerate(lanes.ys):
                for v, env in now if not atom.scalar else ():
                    start, place = self.result(len(lanes.carried) + k), builder.add(row, v.start)
                    self.store(self.single(v, atom, env), atom.dtype, start, place, self.width, mask)
                    if mask is None:
                        self.ask_for(atom.dtype, start, place, _AHEAD, write=True)
            return [self.single(v, atom, env) for v, env in now for _, atom in carried]

        last = iter(self._over_time([env[id(own.value)] for _, env in each for own in carry], step))
        for v in vectors:
            for k, atom in carried:
                self.store(next(last), atom.dtype, self.result(k), v.start, self.width, mask)

    def read(self, t: Any, each: Sequence[tuple[Vectors, dict[int, Any]]], mask: Any | None) -> None:
        """What is given for a step, and its single numbers."""
        row = self.builder.mul(t, self.size)
        for own in self.lanes.xs:
            if not own.value.scalar:
                for v, env in each:
                    place = self.builder.add(row, v.start)
                    env[id(own.value)] = self.load(own.value.dtype, self.input(own.value), place, self.width, mask)
        starts = [(own.value, self.input(own.value)) for own in self.lanes.xs if own.value.scalar]
        starts += [(value, self.result(self.scratch[id(value)])) for value in self.kept]
        for value, start in starts:
            filled = each[0][0].fill(self.load(value.dtype, start, t))
            for _, env in each:
                env[id(value)] = filled

    def operation(self, operation: Operation, each: Sequence[tuple[Vectors, dict[int, Any]]]) -> None:
        for v, env in each:
            args = [self.single(v, atom, env) for atom in operation.inputs]
            env[id(operation.outputs[0])] = _apply(v, operation, args)
