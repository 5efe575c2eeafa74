"""The order of the instructions of a loop's body: what does not wait for each other side by side.

A processor looks ahead some hundred instructions, and fewer while these wait. A step of a cell with channels is longer, and
each of its exponentials is a chain; written one after the other they would be computed one after the other.
"""

import heapq
from typing import Any

from llvmlite import ir


_WIDTH = 2  # vector operations at a time
# In cycles; those of others are one.
_LATENCIES = {
    "fadd": 4, "fsub": 4, "fmul": 4, "fmuladd": 4, "scalef": 6, "rcp14": 7, "fdiv": 17, "sqrt": 20, "load": 7, "fcmp": 3,
    "rint": 8, "floor": 8, "ceil": 8,
}  # fmt: skip


def reorder(block: Any, start: int) -> None:
    """Sorts the instructions of a block from `start` to the first that writes to memory."""
    instructions = block.instructions[start:]
    writes = (i for i, instruction in enumerate(instructions) if _writes(instruction))
    end = next(writes, len(instructions))
    block.instructions[start : start + end] = _sorted(instructions[:end])


def _writes(instruction: Any) -> bool:
    if isinstance(instruction, ir.CallInstr):
        return not instruction.callee.name.startswith("llvm.") or "masked.store" in instruction.callee.name
    return isinstance(instruction, ir.StoreInstr | ir.Terminator)


def _latency(instruction: Any) -> int:
    name = instruction.callee.name if isinstance(instruction, ir.CallInstr) else instruction.opname
    return next((cycles for part, cycles in _LATENCIES.items() if part in name), 1)


def _sorted(instructions: list[Any]) -> list[Any]:
    """What is ready, and of that what most of the time depends on, at `_WIDTH` a cycle."""
    place = {id(instruction): i for i, instruction in enumerate(instructions)}
    users: list[list[int]] = [[] for _ in instructions]
    waits = [0] * len(instructions)
    for i, instruction in enumerate(instructions):
        for operand in {id(operand) for operand in instruction.operands}:
            if operand in place:
                users[place[operand]].append(i)
                waits[i] += 1
    rest = [0] * len(instructions)  # cycles from the beginning of an instruction to the end of the body
    for i in reversed(range(len(instructions))):
        rest[i] = _latency(instructions[i]) + max((rest[user] for user in users[i]), default=0)
    ready = [(-rest[i], i) for i in range(len(instructions)) if waits[i] == 0]
    heapq.heapify(ready)
    later: list[tuple[int, int]] = []
    done = [0] * len(instructions)
    order, now = [], 0
    while ready or later:
        while later and later[0][0] <= now:
            _, i = heapq.heappop(later)
            heapq.heappush(ready, (-rest[i], i))
        for _ in range(min(_WIDTH, len(ready))):
            _, i = heapq.heappop(ready)
            order.append(i)
            for user in users[i]:
                waits[user] -= 1
                done[user] = max(done[user], now + _latency(instructions[i]))
                if waits[user] == 0:
                    heapq.heappush(later, (done[user], user))
        now = now + 1 if ready or not later else max(now + 1, later[0][0])
    return [instructions[i] for i in order]
