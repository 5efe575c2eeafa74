"""A fused scan on GPUs: the source of a Triton kernel, with all steps in one launch and the state in registers.

A program has `BLOCK` lanes. What is given for a step is loaded for some steps at a time, so that the memory is waited for
once for all of them.
"""

import functools
import hashlib
import importlib
import linecache
from typing import Any

import jax
import numpy as np

from ..ops._triton import ceil_div, launch, require
from ._elementwise import FUNCTIONS
from ._flat import Atom, Constant
from ._scan_lanes import Lanes
from ._triton_text import Name, Text


_BLOCK = 128  # lanes of a program, one of each thread
_TOGETHER = 4  # steps whose inputs are loaded together
_SHORT = 80  # operations of a step up to which that is worth the length of the program


def call(lanes: Lanes, length: int, arrays: list[Any], shapes: list[jax.ShapeDtypeStruct]) -> list[Any]:
    """The results of a fused scan, as a launch of a kernel. Raises `Unsupported` for what Triton has no code for."""
    text = source(lanes)
    require()
    return launch(
        compiled(text),
        *arrays,
        lanes.size,
        lanes.own,
        length,
        outputs=shapes,
        programs=ceil_div(lanes.size, _BLOCK),
        BLOCK=_BLOCK,
    )


@functools.lru_cache(256)
def compiled(text: str) -> Any:
    """The kernel of a source, which Triton asks for by the name of its file."""
    name = f"<neuroeqx fused scan {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    triton = importlib.import_module("triton")
    scope = {"triton": triton, "tl": importlib.import_module("triton.language"), "__name__": __name__}
    exec(compile(text, name, "exec"), scope)
    return scope["fused_scan"]


def source(lanes: Lanes) -> str:
    """The source of the kernel. Sizes are not in it."""
    return _Kernel(lanes).write()


class _Kernel:
    def __init__(self, lanes: Lanes):
        self.lanes = lanes
        self.operands = {id(own.value): f"a{k}" for k, own in enumerate(lanes.inputs)}
        self.text = Text(Name("place", np.dtype(np.uint32), True))
        self.env: dict[int, Name] = {}
        cost = sum(1 + 20 * (op.name in FUNCTIONS) for op in lanes.step)
        self.together = _TOGETHER if cost <= _SHORT and any(not own.value.scalar for own in lanes.xs) else 1

    def write(self) -> str:
        lanes, text = self.lanes, self.text
        for own in lanes.consts:
            self.env[id(own.value)] = self._load(own, "k")
        for operation in (*lanes.once, *lanes.before):
            self._operation(operation)
        carry = [self._load(own, "s") for own in lanes.carry]
        self.env.update({id(own.value): name for own, name in zip(lanes.carry, carry, strict=True)})
        stepped = [(self.operands[id(own.value)], own.value.scalar) for own in lanes.xs]
        stepped += [(f"r{len(lanes.carried) + k}", atom.scalar) for k, atom in enumerate(lanes.ys)]
        if lanes.reverse:  # from the last step on
            text.lines.append("last = tl.full([], 0, tl.int64) + (steps - 1)")
            text.lines += [f"{name} += last * {'1' if one else 'n'}" for name, one in stepped]
        begin, text.lines = text.lines, []
        loops = [(f"steps // {self.together}", self.together), (f"steps % {self.together}", 1)]
        body = []
        for count, steps in loops[: 1 if self.together == 1 else 2]:
            self._steps(steps, carry)
            body += [f"for _ in range({count}):", *(f"    {line}" for line in text.lines)]
            text.lines = []
        for k, (own, name) in enumerate(zip(lanes.carry, carry, strict=True)):
            self._store(f"r{k}", name, own.value.scalar)
        results = [f"r{k}" for k in range(len(lanes.carried) + len(lanes.ys))]
        parameters = ", ".join([*self.operands.values(), "n", "own", "steps", *results, "BLOCK: tl.constexpr"])
        place = "lane % own" if lanes.own != lanes.size else "lane"
        lines = [
            "lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)",
            "ok = lane < n",
            "first = tl.program_id(0) == 0",
            f"place = ({place}).to(tl.uint32)",
            *text.constant_lines(),
            *begin,
            *body,
            *text.lines,
        ]
        return f"@triton.jit\ndef fused_scan({parameters}):\n" + "".join(f"    {line}\n" for line in lines)

    def _steps(self, number: int, carry: list[Name]) -> None:
        """Some steps, of which the inputs are loaded first."""
        lanes, text = self.lanes, self.text
        given = []
        for _ in range(number):
            given.append({id(own.value): self._load(own, "x") for own in lanes.xs})
            for own in lanes.xs:
                text.lines.append(self._step_on(self.operands[id(own.value)], own.value.scalar))
        outer, now = self.env, list(carry)
        for xs in given:
            self.env = outer | xs | {id(own.value): name for own, name in zip(lanes.carry, now, strict=True)}
            for operation in (*lanes.singles, *lanes.step):
                self._operation(operation)
            for k, atom in enumerate(lanes.ys):
                result = f"r{len(lanes.carried) + k}"
                self._store(result, self._read(atom), atom.scalar)
                text.lines.append(self._step_on(result, atom.scalar))
            now = [self._carried(own.value.scalar, atom) for own, atom in zip(lanes.carry, lanes.carried, strict=True)]
        self.env = outer
        # A part of the carry may become another one.
        text.lines += [f"next_{name.text} = {new.text}" for name, new in zip(carry, now, strict=True)]
        text.lines += [f"{name.text} = next_{name.text}" for name in carry]

    def _step_on(self, pointer: str, scalar: bool) -> str:
        return f"{pointer} {'-' if self.lanes.reverse else '+'}= {'1' if scalar else 'n'}"

    def _carried(self, scalar: bool, atom: Atom) -> Name:
        return self._read(atom) if scalar else self.text.widen_to_lanes(self._read(atom))

    def _read(self, atom: Atom) -> Name:
        return self.text.const(atom.value, atom.dtype) if isinstance(atom, Constant) else self.env[id(atom)]

    def _operation(self, operation: Any) -> None:
        args = [self._read(atom) for atom in operation.inputs]
        self.env[id(operation.outputs[0])] = self.text.apply(operation, args)

    def _load(self, own: Any, kind: str) -> Name:
        value, pointer = own.value, self.operands[id(own.value)]
        self.text.count += 1
        name = Name(f"{kind}{self.text.count}", value.dtype, not value.scalar)
        where = pointer if value.scalar else f"{pointer} + lane, mask=ok"
        self.text.lines.append(f"{name.text} = tl.load({where})")
        return name

    def _store(self, pointer: str, name: Name, scalar: bool) -> None:
        """Single numbers are stored by one program."""
        where, mask = (pointer, "first") if scalar else (f"{pointer} + lane", "ok")
        self.text.lines.append(f"tl.store({where}, {name.text}, mask={mask})")
