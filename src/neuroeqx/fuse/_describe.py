"""The content of native code as a text, by which it is found again."""

import hashlib
from typing import Any

from ._flat import Value
from ._plan import Plan


def describe(planned: Plan, packs: tuple[tuple[int, ...], ...]) -> str:
    """All that native code depends on. Sizes are not among it, except in sections of arrays."""
    sizes: dict[int, int] = {}
    text = _text(planned, sizes, f"{packs}")
    # A size that is not that of an operand or a result is written into the code.
    known = {a.size for a in (*planned.flat.inputs, *planned.flat.outputs) if isinstance(a, Value) and not a.scalar}
    return text + "\n" + str([size for size in sizes if size not in known])


def _text(planned: Plan, sizes: dict[int, int], head: str) -> str:
    names: dict[int, str] = {}

    def name(atom: Any) -> str:
        if not isinstance(atom, Value):
            return f"{atom.value!r}:{atom.dtype}"
        size = "" if atom.scalar else f"[{sizes.setdefault(atom.size, len(sizes))}/{len(atom.shape)}]"
        return names.setdefault(id(atom), f"v{len(names)}") + f":{atom.dtype}{size}@{planned.slots.get(id(atom))}"

    def line(operation: Any) -> str:
        kept = {
            "y",
            "rounding_method",
            "offset",
            "limits",
            "strides",
            "shape",
            "sizes",
            "listed",
            "bounded",
            "mode",
            "dimension_numbers",
            "reverse",
            "law",
        }
        params = {key: str(value) for key, value in sorted(operation.params.items()) if key in kept}
        ins, outs = (", ".join(map(name, atoms)) for atoms in (operation.inputs, operation.outputs))
        text = f"{outs} = {operation.name}{params} {ins}"
        block = operation.params.get("block")
        if block is not None:
            programs = [_text(part.plan, sizes, f"{part.room}") for part in planned.parts[id(operation)]]
            text += "\n".join([f" {block.first} {block.length} {block.in_place} {{", *programs, "}"])
        return text

    lines = [f"{list(map(name, planned.flat.inputs))} {head}"]
    for stage in zip(planned.first, planned.loops, planned.calls, strict=True):
        first, loops, calls = stage
        lines += ["stage", *map(line, first)]
        for loop in loops:
            lines += ["loop", *map(line, loop)]
        lines += ["calls", *map(line, calls)]
    lines.append(
        f"{list(map(name, planned.flat.outputs))} {[(j, name(a)) for j, a in planned.copies]} {planned.aliases}"
    )
    lines.append(str([(name_, own[1:]) for key, name_ in names.items() if (own := planned.lists.get(key)) is not None]))
    return "\n".join(lines)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
