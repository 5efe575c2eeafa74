"""The order of a fused program: which operations share a loop, where each result lies, what is changed in its place.

A program runs in stages. Each has loops over arrays, one for every length, and then calls, in the order of the equations.
A value that only one loop needs stays in registers. What calls, views and later loops read lies in memory: in a result of
the program, if it is one or is turned into one in place; in room that XLA provides, otherwise.
"""

import dataclasses
import enum
from typing import Any, NamedTuple

import numpy as np

from ._calls import CALLS
from ._flat import Atom, Flat, Operation, Value


class Slot(NamedTuple):
    """Memory: `kind` is "operand", "result" or "room", `place` which of them."""

    kind: str
    place: int


class Time(NamedTuple):
    """When something happens: in a stage, `0` for its loops and from `1` on for its calls."""

    stage: int
    order: int


class Kept(enum.IntEnum):
    """How an array is kept that has a list: by the loop that makes it; for zeros and ones, what changed is written from the
    list; or, where everyone reads the list, only when the run ends."""

    WRITTEN = 0
    CHANGED = 1
    LISTED = 2


class Places(NamedTuple):
    """Where an array is not zero.

    - `values`: the array, and that of the round before.
    - `bits`: room for a bit for each of its numbers, which the loop writes that makes it.
    - `places`: room for a list of those that are set.
    - `halves`: room for the lists of two threads.
    - `kept`: how the array is kept, too.
    """

    values: list[Value]
    bits: Slot
    places: Slot
    halves: Slot
    kept: "Kept"


@dataclasses.dataclass(eq=False)
class Plan:
    """
    - `first`, `loops`, `calls`: of every stage, what needs nothing of it, the operations of each loop, and what comes then.
    - `slots`: where values lie.
    - `copies`: results that repeat a value which lies elsewhere.
    - `aliases`: operands and the results that take over their memory.
    - `room`: arrays that are needed besides the results.
    - `lists`: of arrays that are looked through for spikes.
    - `parts`: of operations that hold programs of their own, by the identity of the operation.
    """

    flat: Flat
    first: list[list[Operation]]
    loops: list[list[list[Operation]]]
    calls: list[list[Operation]]
    slots: dict[int, Slot]
    copies: list[tuple[int, Atom]]
    aliases: dict[int, int]
    room: list[Value]
    lists: dict[int, Places]
    parts: dict[int, list["Part"]]


def loops_within(planned: Plan) -> list[list[Operation]]:
    """All loops, those of programs within included."""
    own = [loop for stage in planned.loops for loop in stage]
    return own + [loop for parts in planned.parts.values() for part in parts for loop in loops_within(part.plan)]


class Part(NamedTuple):
    """A program within a program, and what of the room of the outer one is its own."""

    plan: Plan
    room: list[Slot]


def in_place(operation: Operation) -> dict[int, int]:
    """From places of the outputs of a call to those of the inputs whose memory they take over."""
    block = operation.params.get("block")
    return CALLS[operation.name].in_place if block is None else block.in_place


def plan(flat: Flat, pairs: tuple[tuple[int, int], ...]) -> Plan:
    """
    - `pairs`: operands and results that share memory, since these are those of the next round. Results that cannot be
        made in that place are made elsewhere, and copied at the end.
    """
    return _Planner(flat).plan(pairs, True)


def _vector(operation: Operation) -> bool:
    return operation.kind == "elementwise" and not operation.outputs[0].scalar


class _Planner:
    def __init__(self, flat: Flat):
        self.flat = flat
        self.made: dict[int, Operation] = {id(v): op for op in flat.operations for v in op.outputs}
        self.readers: dict[int, list[Operation]] = {}
        for operation in flat.operations:
            for atom in operation.inputs:
                self.readers.setdefault(id(atom), []).append(operation)
        self.stage: dict[int, int] = {}
        self.after: dict[int, bool] = {}  # whether an operation waits for the loops or for calls of its stage
        self.order: dict[int, int] = {}

    def plan(self, pairs: tuple[tuple[int, int], ...], with_lists: bool) -> Plan:
        self._earliest()
        self._latest()
        last = max(self.stage.values(), default=0)
        operations = self.flat.operations
        self.order.update({id(op): 0 for op in operations})
        first, calls, loops = [], [], []
        for s in range(last + 1):
            others = [op for op in operations if not _vector(op) and self.stage[id(op)] == s]
            first.append([op for op in others if not self.after[id(op)]])
            calls.append([op for op in others if self.after[id(op)]])
            self.order.update({id(op): 1 + i for i, op in enumerate(calls[-1])})
        for s in range(last + 1):
            by_size: dict[int, list[Operation]] = {}
            for op in operations:
                if _vector(op) and self.stage[id(op)] == s:
                    by_size.setdefault(op.outputs[0].size, []).append(op)
            loops.append(list(by_size.values()))
        slots, copies, room = self._memory(pairs)
        aliases = self._aliases(pairs, slots, copies)
        self._separate(slots, copies, room, aliases, {j for _, j in pairs})
        lists = self._lists(room, aliases, copies) if with_lists else {}
        parts = self._parts(room)
        return Plan(self.flat, first, loops, calls, slots, copies, aliases, room, lists, parts)

    # When

    def _earliest(self) -> None:
        """The first stage in which each operation can happen."""
        for operation in self.flat.operations:
            stage, after = 0, operation.kind == "call"
            for atom in operation.inputs:
                source = self.made.get(id(atom))
                if source is None:
                    continue
                ready, late = self.stage[id(source)], self.after[id(source)]
                if _vector(operation):
                    stage = max(stage, ready + late)
                elif ready >= stage:
                    late = late or _vector(source)
                    stage, after = ready, (late or after) if ready == stage or operation.kind == "call" else late
            self.stage[id(operation)], self.after[id(operation)] = stage, after and not _vector(operation)

    def _latest(self) -> None:
        """Moves loops towards what reads them, so that less lies in memory."""
        last = max(self.stage.values(), default=0)
        results = {id(atom) for atom in self.flat.outputs}
        for operation in reversed(self.flat.operations):
            if not _vector(operation):
                continue
            value = operation.outputs[0]
            until = [last] if id(value) in results or id(value) not in self.readers else []
            for reader in self.readers.get(id(value), []):
                until.append(self._needed(reader))
            self.stage[id(operation)] = min(until)

    def _needed(self, reader: Operation) -> int:
        """The last stage in whose loops a value can be made that `reader` reads."""
        if reader.kind != "view":
            return self.stage[id(reader)]
        users = self.readers.get(id(reader.outputs[0]), [])
        return min([self.stage[id(reader)], *(self.stage[id(u)] - _vector(u) for u in users)])

    def _time(self, operation: Operation) -> Time:
        return Time(self.stage[id(operation)], self.order[id(operation)])

    # Where

    def _stored(self, value: Value) -> bool:
        """Whether an array has to be in memory."""
        source = self.made[id(value)]
        if source.kind == "call" or any(value is atom for atom in self.flat.outputs):
            return True
        here = self.stage[id(source)]
        return any(not _vector(op) or self.stage[id(op)] != here for op in self.readers.get(id(value), []))

    def _memory(
        self, pairs: tuple[tuple[int, int], ...]
    ) -> tuple[dict[int, Slot], list[tuple[int, Atom]], list[Value]]:
        slots = {id(value): Slot("operand", i) for i, value in enumerate(self.flat.inputs)}
        copies = []
        for j, atom in enumerate(self.flat.outputs):
            own = isinstance(atom, Value) and id(atom) in self.made and self.made[id(atom)].kind != "view"
            if own and id(atom) not in slots:
                slots[id(atom)] = Slot("result", j)
            else:
                copies.append((j, atom))
        room: list[Value] = []
        for operation in reversed(self.flat.operations):
            if operation.kind == "view":
                continue
            for place, value in enumerate(operation.outputs):
                if value.scalar:
                    continue
                if id(value) not in slots:
                    if not self._stored(value):
                        continue
                    own = self._place_of_result(operation, place, pairs)
                    if own is None or slots.get(id(self.flat.outputs[own.place])) != own:
                        own = Slot("room", len(room))
                        room.append(value)
                    slots[id(value)] = own
                if operation.kind == "call" and place in in_place(operation):
                    source = operation.inputs[in_place(operation)[place]]
                    if id(source) in self.made and id(source) not in slots and self._ends_with(source, operation):
                        slots[id(source)] = slots[id(value)]
        return slots, copies, room

    def _place_of_result(self, call: Operation, place: int, pairs: tuple[tuple[int, int], ...]) -> Slot | None:
        """Of the result that a loop makes of what `call` changes in the place of an operand, if nothing needs both."""
        if call.kind != "call" or place not in in_place(call):
            return None
        value, source = call.outputs[place], call.inputs[in_place(call)[place]]
        while id(source) in self.made and self.made[id(source)].kind == "call":
            before = self.made[id(source)]
            own = next(k for k, output in enumerate(before.outputs) if output is source)
            if own not in in_place(before):
                return None
            source = before.inputs[in_place(before)[own]]
        result = next((j for i, j in pairs if self.flat.inputs[i] is source), None)
        last = None if result is None else self.made.get(id(self.flat.outputs[result]))
        if result is None or last is None or not _vector(last):
            return None
        same = last.outputs[0].size == value.size and last.outputs[0].dtype == value.dtype
        for reader in self.readers.get(id(value), []):
            together = _vector(reader) and self.stage[id(reader)] == self.stage[id(last)]
            same = same and (together or self._end(reader) < self._time(last))
            if reader.kind == "call" and any(reader.inputs[i] is value for i in in_place(reader).values()):
                same = same and self._ends_with(value, reader)
        return Slot("result", result) if same else None

    def _ends_with(self, value: Atom, call: Operation) -> bool:
        """Whether nothing reads the memory of a value once `call` changes it."""
        source = self.made[id(value)]
        if source.kind == "view":
            return False
        for reader in self.readers[id(value)]:
            same_loop = _vector(reader) and _vector(source) and self.stage[id(reader)] == self.stage[id(source)]
            if reader is not call and not same_loop and self._end(reader) >= self._time(call):
                return False
        return sum(atom is value for atom in call.inputs) == 1

    def _end(self, reader: Operation) -> Time:
        """When a reader, or what reads through a view, reads for the last time."""
        users = self.readers.get(id(reader.outputs[0]), []) if reader.kind == "view" else []
        return max([self._time(reader), *(self._end(user) for user in users)])

    def _aliases(
        self, pairs: tuple[tuple[int, int], ...], slots: dict[int, Slot], copies: list[tuple[int, Atom]]
    ) -> dict[int, int]:
        copied = {j for j, _ in copies}
        # What is copied at the end must still be there.
        kept = {id(self._origin(atom)) for _, atom in copies}
        aliases = {}
        for i, j in pairs:
            operand = self.flat.inputs[i]
            if j in copied or id(operand) in kept or operand.scalar or i in aliases or j in aliases.values():
                continue
            written = [op for op in self.flat.operations for v in op.outputs if slots.get(id(v)) == Slot("result", j)]
            if written and self._harmless(operand, j, slots, min(written, key=self._time), written):
                aliases[i] = j
        return aliases

    def _lists(self, room: list[Value], carried: dict[int, int], copies: list[tuple[int, Atom]]) -> dict[int, Places]:
        """For what a loop makes and calls look for spikes in, now or in the next round."""
        lists: dict[int, Places] = {}
        before = {id(self.flat.outputs[j]): self.flat.inputs[i] for i, j in carried.items()}
        for operation in self.flat.operations:
            if not _vector(operation) or operation.outputs[0].dtype.kind != "f":
                continue
            if self._changed_by_a_program(operation.outputs[0]):
                continue
            value = operation.outputs[0]
            own = [value, *([before[id(value)]] if id(value) in before else [])]
            if any(self._looked_through(v) for v in own):
                unit = operation.name == "convert_element_type" and operation.inputs[0].dtype.kind == "b"
                bits, places, halves = (Slot("room", len(room) + k) for k in range(3))
                copied = {id(self._origin(atom)) for _, atom in copies}
                listed = not any(id(v) in copied or self._reads_values(v) for v in own)
                kept = (Kept.LISTED if listed else Kept.CHANGED) if unit else Kept.WRITTEN
                lists.update(dict.fromkeys(map(id, own), Places(own, bits, places, halves, kept)))
                words, number = (2 * (value.size // 64 + 1), value.size + 2, value.size + 2), np.dtype(np.uint32)
                room.extend(Value((n,), number) for n in words)
        return lists

    def _reads_values(self, value: Value) -> bool:
        """Whether anything reads an array of zeros and ones otherwise than through its list."""
        for reader in self.readers.get(id(value), []):
            if reader.name == "slice":
                if self._reads_values(reader.outputs[0]):
                    return True
            elif reader.kind != "call" or "block" in reader.params or not CALLS[reader.name].takes_ones:
                return True
            elif [k for k, atom in enumerate(reader.inputs) if atom is value] != [CALLS[reader.name].spikes]:
                return True
        return False

    def _changed_by_a_program(self, value: Value) -> bool:
        """Whether what changes it does not know of its list."""
        readers = [op for op in self.readers.get(id(value), []) if "block" in op.params]
        return any(op.inputs[i] is value for op in readers for i in in_place(op).values())

    def _parts(self, room: list[Value]) -> dict[int, list[Part]]:
        """Plans of the programs that operations hold. Their room becomes that of the whole program."""
        found: dict[int, list[Part]] = {}
        for operation in self.flat.operations:
            if "block" not in operation.params:
                continue
            block = operation.params["block"]
            for k, program in enumerate(block.programs):
                planned = _Planner(program).plan(block.pairs(k), False)
                own = [Slot("room", len(room) + r) for r in range(len(planned.room))]
                found.setdefault(id(operation), []).append(Part(planned, own))
                room.extend(planned.room)
        return found

    def _looked_through(self, value: Value) -> bool:
        for reader in self.readers.get(id(value), []):
            if reader.kind == "view" and len(reader.inputs) == 1 and self._looked_through(reader.outputs[0]):
                return True
            if reader.kind == "call":
                place = CALLS[reader.name].spikes
                if place is not None and reader.inputs[place] is value and not reader.params.get("listed"):
                    return True
        return False

    def _separate(
        self,
        slots: dict[int, Slot],
        copies: list[tuple[int, Atom]],
        room: list[Value],
        aliases: dict[int, int],
        shared: set[int],
    ) -> None:
        """Makes the results elsewhere, of those that share memory with an operand, that must not be made there."""
        for j, atom in enumerate(self.flat.outputs):
            own = Slot("result", j)
            if atom.scalar or slots.get(id(atom)) != own or j in aliases.values() or j not in shared:
                continue
            for value, slot in list(slots.items()):
                if slot == own:
                    slots[value] = Slot("room", len(room))
            room.append(atom)  # pyright: ignore
            copies.append((j, atom))

    def _origin(self, atom: Any) -> Any:
        """The value that a view is a part of."""
        while id(atom) in self.made and self.made[id(atom)].kind == "view":
            atom = self.made[id(atom)].inputs[0]
        return atom

    def _harmless(
        self, operand: Value, result: int, slots: dict[int, Slot], first: Operation, written: list[Operation]
    ) -> bool:
        """Whether every read of an operand comes before the first write to its memory, that of a result."""
        size = written[0].outputs[0].size
        for reader in self.readers.get(id(operand), []):
            if reader is first and first.kind == "call":
                to = lambda place: slots.get(id(first.outputs[place])) == Slot("result", result)
                changed = [source for place, source in in_place(first).items() if to(place)]
                if all(atom is not operand or place in changed for place, atom in enumerate(first.inputs)):
                    continue
                return False
            if _vector(reader) and self._time(reader) == self._time(first) and size == operand.size:
                continue  # each number is read before it is written
            if self._end(reader) >= self._time(first):
                return False
        return True
