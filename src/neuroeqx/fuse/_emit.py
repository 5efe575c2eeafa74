"""Native code of a plan: one function in LLVM's language that reads XLA's call frame, runs the loops and makes the calls.

Every loop handles a vector of 64 bytes at a time and the rest under a mask.
"""

import copy
from typing import Any

import numpy as np
from llvmlite import ir

from ..ops import _frame
from ..ops._two_threads import number_of_threads
from ._calls import CALLS
from ._elementwise import EMITTERS
from ._flat import Constant, Flat, Operation, Value
from ._halves import any_worth_two, groups_of, is_worth_two, run_group
from ._kernel_code import kernel
from ._listed import look_through, settle
from ._plan import Plan, Slot
from ._second_thread import SecondThread
from ._vectors import BYTES, element_type, Vectors


_WORD, _BYTE = ir.IntType(64), ir.IntType(8)


class Layout:
    """Where the values of a plan lie among the buffers of a call.

    - `packed`: operands that are single numbers of an array: by the place of the operand, that of the array and that in it.
    - `operands`: places of the buffers of the others.
    - `batched`: for every buffer of an operand whether each member of a batch has its own; `None` if there is no batch.
      Of a batch all results have a first axis for the members, and room has one for the threads.
    """

    def __init__(self, plan: Plan, packs: tuple[tuple[int, ...], ...], batched: tuple[bool, ...] | None = None):
        self.packs, self.batched = packs, batched
        self.packed = {i: (b, k) for b, pack in enumerate(packs) for k, i in enumerate(pack)}
        rest = [i for i in range(len(plan.flat.inputs)) if i not in self.packed]
        self.operands = {i: len(packs) + k for k, i in enumerate(rest)}
        self.results = len(plan.flat.outputs)
        # The numbers that a member has in each buffer.
        inputs, outputs = plan.flat.inputs, plan.flat.outputs
        self.contents = {(_frame.ARGUMENTS, b): (inputs[pack[0]], len(pack)) for b, pack in enumerate(packs)}
        self.contents |= {(_frame.ARGUMENTS, place): (inputs[i], 0) for i, place in self.operands.items()}
        self.contents |= {(_frame.RESULTS, j): (atom, 0) for j, atom in enumerate([*outputs, *plan.room])}

    def is_batched(self, side: int, place: int) -> bool:
        if self.batched is None:
            return False
        return side == _frame.RESULTS or self.batched[place]


class Emitter:
    """Writes one program."""

    def __init__(self, builder: Any, frame: Any, plan: Plan, layout: Layout):
        self.builder, self.frame = builder, frame
        self.plan, self.layout = plan, layout
        self.whole_plan = plan
        self.given: dict[tuple[str, int], tuple[int, int]] | None = None  # where the slots of a program within lie
        self.kernels: dict[str, str] = {}  # that are called, in LLVM's language
        self.scalars: dict[int, Any] = {}
        self.views: dict[int, Any] = {}  # addresses
        self.bases: dict[tuple[int, int], Any] = {}
        self.sizes: dict[int, Any] = {}
        self.base: dict[int, Any] = {}
        self.made = {id(value): operation for operation in plan.flat.operations for value in operation.outputs}
        self.carried: dict[int, int] = {}
        self.inverses: dict[int, Any] = {}
        # Of a batch.
        self.member: Any = _WORD(0)
        self.thread: Any = _WORD(0)
        self.second: SecondThread | None = None  # not for a batch, which has two threads already

    # Reading the frame

    def word(self, number: int) -> Any:
        return _WORD(int(number))

    def _load(self, address: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, _WORD.as_pointer()))

    def _buffer(self, side: int, place: int) -> Any:
        buffers = self._load(self.builder.add(self.frame, _WORD(side)))
        return self._load(self.builder.add(buffers, _WORD(8 * place)))

    def data(self, side: int, place: int) -> Any:
        """Read at the beginning of the program, so that every loop can use it."""
        if (side, place) not in self.bases:
            with self.builder.goto_block(self.entry):
                data = self._load(self.builder.add(self._buffer(side, place), _WORD(_frame.DATA)))
                if self.layout.is_batched(side, place):
                    data = self.builder.add(data, self._before(side, place))
            self.bases[side, place] = data
        return self.bases[side, place]

    def _before(self, side: int, place: int) -> Any:
        """The bytes before those of a member of a batch, or in the room before those of a thread."""
        value, packed = self.layout.contents[side, place]
        size = _WORD(packed) if packed else _WORD(1) if value.scalar else self.size(value)
        is_room = side == _frame.RESULTS and place >= self.layout.results
        which = self.thread if is_room else self.member
        return self.builder.mul(which, self.builder.mul(size, _WORD(value.dtype.itemsize)))

    def within(self, planned: Plan) -> "Emitter":
        """For a program within this one; who asks fills in where the slots of that lie."""
        inner = copy.copy(self)
        inner.plan, inner.given = planned, {}
        inner.made = {id(value): operation for operation in planned.flat.operations for value in operation.outputs}
        inner.scalars, inner.views = dict(self.scalars), dict(self.views)
        return inner

    def place(self, slot: Slot) -> tuple[int, int]:
        if self.given is not None:
            return self.given[slot]
        if slot.kind == "operand":
            if slot.place in self.carried:
                return _frame.RESULTS, self.carried[slot.place]
            return _frame.ARGUMENTS, self.layout.operands[slot.place]
        return _frame.RESULTS, slot.place + (self.layout.results if slot.kind == "room" else 0)

    # Values

    def type_of(self, value: Any) -> Any:
        return element_type(value.dtype)

    def memory_type(self, dtype: np.dtype) -> Any:
        return _BYTE if dtype.kind == "b" else element_type(dtype)

    def address(self, value: Any, offset: Any | None = None) -> Any:
        """Of an array, or of a place in it; of a single number that of a copy."""
        if value.scalar:
            return self._spilled(value)
        if id(value) in self.views:
            start = self.views[id(value)]
        else:
            start = self.data(*self.place(self.plan.slots[id(value)]))
        if offset is None:
            return start
        return self.builder.add(start, self.builder.mul(offset, _WORD(value.dtype.itemsize)))

    def _spilled(self, value: Any) -> Any:
        number = self.single(value)
        if value.dtype.kind == "b":
            number = self.builder.zext(number, _BYTE)
        with self.builder.goto_entry_block():
            place = self.builder.alloca(number.type)
        self.builder.store(number, place)
        return self.builder.ptrtoint(place, _WORD)

    def room_on_stack(self, dtype: np.dtype) -> Any:
        """The address of room for a number."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(self.memory_type(dtype))
        return self.builder.ptrtoint(place, _WORD)

    def size(self, value: Any) -> Any:
        """How many numbers an array has . Not a constant: one program serves every size."""
        if value.size not in self.sizes:
            with self.builder.goto_block(self.entry):
                self.sizes[value.size] = self._size_of(value)
        return self.sizes[value.size]

    def _size_of(self, value: Any) -> Any:
        """From the dimensions of some buffer of this size, or else a constant."""
        for j, atom in enumerate(self.whole_plan.flat.outputs):
            if isinstance(atom, Value) and not atom.scalar and atom.size == value.size:
                return self._product(_frame.RESULTS, j, atom)
        for i, operand in enumerate(self.whole_plan.flat.inputs):
            if i in self.layout.operands and not operand.scalar and operand.size == value.size:
                return self._product(_frame.ARGUMENTS, self.layout.operands[i], operand)
        return _WORD(value.size)

    def _product(self, side: int, place: int, value: Any) -> Any:
        size = _WORD(1)
        for axis in range(len(value.shape)):
            size = self.builder.mul(size, self._dim(side, place, axis))
        return size

    def _dim(self, side: int, place: int, axis: int) -> Any:
        dims = self._load(self.builder.add(self._buffer(side, place), _WORD(_frame.DIMS)))
        axis += self.layout.is_batched(side, place)
        return self._load(self.builder.add(dims, _WORD(8 * axis)))

    def members(self) -> Any:
        """How many members a batch has."""
        dims = self._load(self.builder.add(self._buffer(_frame.RESULTS, 0), _WORD(_frame.DIMS)))
        return self._load(dims)

    def dim(self, value: Any, axis: int) -> Any:
        """A dimension of an operand."""
        return self._dim(*self.place(self.plan.slots[id(value)]), axis)

    def single(self, atom: Any) -> Any:
        """The value of a single number."""
        if isinstance(atom, Constant):
            return Vectors(self.builder, None).const(atom.value, atom.dtype)
        return self.scalars[id(atom)]

    def whole(self, atom: Any) -> Any:
        """A single whole number as a word."""
        extend = self.builder.zext if atom.dtype.kind in "ub" else self.builder.sext
        number = self.single(atom)
        return number if number.type == _WORD else extend(number, _WORD)

    def define(self, value: Value, number: Any) -> None:
        self.scalars[id(value)] = number

    # Calls

    def call(self, name: str, words: list[Any], dtypes: list[Any]) -> Any:
        """Calls a kernel with words, for some dtypes (`None` for what there is not)."""
        own = kernel(name, len(words), tuple(dtypes))
        self.kernels[own.name] = own.text
        module = self.builder.module
        kind = ir.FunctionType(_WORD, [_WORD] * len(words))
        function = module.globals.get(own.name) or ir.Function(module, kind, own.name)
        return self.builder.call(function, words)

    def is_listed(self, value: Any) -> bool:
        """Whether there is a list of the places where an array is not zero."""
        return self._whole_of(value)[0] is not None

    def list_of(self, value: Any) -> tuple[Any | None, Any | None]:
        """The address of the list of places where an array is not zero, and where the value begins in that array."""
        own, first = self._whole_of(value)
        return (None, None) if own is None else (self.data(*self.place(own.places)), self.word(first))

    def _whole_of(self, value: Any) -> tuple[Any | None, int]:
        first = 0
        while id(value) not in self.plan.lists and id(value) in self.made and self.made[id(value)].name == "slice":
            first += self.made[id(value)].params["offset"]
            value = self.made[id(value)].inputs[0]
        return self.plan.lists.get(id(value)), first

    def in_place(self, operation: Operation, place: int, source: Any) -> None:
        """Brings what an operation changes into the memory of its result, unless it lies there."""
        output = operation.outputs[place]
        if source.scalar or isinstance(source, Constant):
            raise AssertionError("an array that is changed in place is an array")
        if id(source) in self.views or self.place(self.plan.slots[id(source)]) != self.place(
            self.plan.slots[id(output)]
        ):
            self.copy(self.address(output), source)

    def copy(self, address: Any, source: Any) -> None:
        """Writes an array to an address."""
        size = self.builder.mul(self.size(source), _WORD(source.dtype.itemsize))
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, _WORD, ir.IntType(1)])
        name = "llvm.memmove.p0.p0.i64"
        function = self.builder.module.globals.get(name) or ir.Function(self.builder.module, kind, name)
        ends = [self.builder.inttoptr(a, pointer) for a in (address, self.address(source))]
        self.builder.call(function, [*ends, size, ir.IntType(1)(0)])

    def offset(self, starts: list[Any], limits: list[int], strides: list[int]) -> Any:
        """The place where a section begins, its starts held within the limits as JAX does."""
        total = _WORD(0)
        for start, limit, stride in zip(starts, limits, strides, strict=True):
            place, low, high = self.whole(start), _WORD(0), _WORD(limit)
            place = self.builder.select(self.builder.icmp_signed("<", place, low), low, place)
            place = self.builder.select(self.builder.icmp_signed(">", place, high), high, place)
            total = self.builder.add(total, self.builder.mul(place, _WORD(stride)))
        return total

    # The program

    def prepare(self, function: Any) -> None:
        """What does not fit into registers is kept where it does not cross the lines of the cache."""
        function.attributes.alignstack = BYTES
        function.attributes.add("noinline")

    def loop(self, condition: Flat, consts: int) -> "Emitter":
        """The program again and again while the condition holds. Its carry lies in the results all the time."""
        builder, inputs, outputs = self.builder, self.plan.flat.inputs, self.plan.flat.outputs
        self.prepare(builder.function)
        self.entry = builder.append_basic_block("frame")
        begin, header = builder.append_basic_block("begin"), builder.append_basic_block("header")
        body, end = builder.append_basic_block("step"), builder.append_basic_block("end")
        builder.branch(self.entry)
        builder.position_at_end(begin)
        self.carried = {i: i - consts for i in range(consts, len(inputs))}
        self._read_scalars()
        kept = {}
        for i, j in self.carried.items():
            if inputs[i].scalar:
                with builder.goto_entry_block():
                    kept[j] = builder.alloca(self.type_of(inputs[i]))
                builder.store(self.single(inputs[i]), kept[j])
        look_through(self, inputs)
        self._ask_for_second()
        builder.branch(header)
        builder.position_at_end(header)
        for i, j in self.carried.items():
            if j in kept:
                self.define(inputs[i], builder.load(kept[j]))
        for own, value in zip(condition.inputs, inputs, strict=True):
            if own.scalar:
                self.define(own, self.single(value))
        self._others(condition.operations)
        builder.cbranch(self.single(condition.outputs[0]), body, end)
        builder.position_at_end(body)
        self._rounds(outputs, kept)
        builder.branch(header)
        builder.position_at_end(end)
        settle(self, inputs)
        for j, place in kept.items():
            self.store_single(self.data(_frame.RESULTS, j), outputs[j].dtype, builder.load(place))
        if self.second is not None:
            self.second.end(builder)
        end = builder.block
        builder.position_at_end(self.entry)
        builder.branch(begin)
        builder.position_at_end(end)
        return self

    def _ask_for_second(self) -> None:
        """Another thread for the run, if some loop is worth it."""
        if self.layout.batched is None and is_worth_two(self.plan):
            threads = number_of_threads(self.builder, self.frame)
            wanted = self.builder.and_(any_worth_two(self), self.builder.icmp_unsigned(">", threads, _WORD(1)))
            self.second = SecondThread(self.builder, self.frame, wanted)

    def _rounds(self, outputs: list[Any], kept: dict[int, Any]) -> None:
        """One round of a loop."""
        self.run_stages()
        for j, place in kept.items():
            self.builder.store(self.single(outputs[j]), place)
        for j, atom in self.plan.copies:
            unchanged = any(atom is self.plan.flat.inputs[i] and j == own for i, own in self.carried.items())
            if not atom.scalar and not unchanged:
                self.copy(self.data(_frame.RESULTS, j), atom)

    def run_stages(self) -> None:
        groups = groups_of(self)
        held = {id(call) for group in groups for call in group.calls}
        for first, calls, group in zip(self.plan.first, self.plan.calls, groups, strict=True):
            self._others(first)
            run_group(self, group)
            self._others([call for call in calls if id(call) not in held])

    def origin(self, atom: Any) -> Any:
        """The array that a view is a part of."""
        while id(atom) in self.made and self.made[id(atom)].kind == "view":
            atom = self.made[id(atom)].inputs[0]
        return atom

    def _read_scalars(self) -> None:
        for i, value in enumerate(self.plan.flat.inputs):
            if not value.scalar:
                continue
            place, k = self.layout.packed[i] if i in self.layout.packed else (self.layout.operands[i], 0)
            start = self.data(_frame.ARGUMENTS, place)
            start = self.builder.add(start, _WORD(k * value.dtype.itemsize))
            self.define(value, self.read(value.dtype, start))

    def read(self, dtype: np.dtype, address: Any) -> Any:
        number = self.builder.load(self.builder.inttoptr(address, self.memory_type(dtype).as_pointer()))
        return self.builder.trunc(number, ir.IntType(1)) if dtype.kind == "b" else number

    def _others(self, operations: list[Operation]) -> None:
        for operation in operations:
            if operation.kind == "call":
                CALLS[operation.name].emit(self, operation)
            elif operation.kind == "view":
                self._view(operation)
            else:
                args = [self.single(atom) for atom in operation.inputs]
                self.define(operation.outputs[0], self.apply(Vectors(self.builder, None), operation, args))

    def _view(self, operation: Operation) -> None:
        array, *starts = operation.inputs
        output, offset = operation.outputs[0], self.word(operation.params["offset"])
        if starts:
            offset = self.offset(starts, operation.params["limits"], operation.params["strides"])
        address = self.address(array, offset)
        if output.scalar:
            self.define(output, self.read(output.dtype, address))
        else:
            self.views[id(output)] = address

    def apply(self, v: Vectors, operation: Operation, args: list[Any]) -> Any:
        if operation.name == "fill":
            return args[0]
        dtypes = [atom.dtype for atom in operation.inputs]
        return EMITTERS[operation.name](v, operation.params, dtypes, operation.outputs[0].dtype, *args)

    def store_single(self, address: Any, dtype: np.dtype, number: Any) -> None:
        number = self.builder.zext(number, _BYTE) if dtype.kind == "b" else number
        self.builder.store(number, self.builder.inttoptr(address, number.type.as_pointer()))
