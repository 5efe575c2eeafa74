"""Writes `docs/models.md` from the classes themselves: `python -m neuroeqx.testing.models`.

Run in the repository. A model is a public class or function of `neuroeqx`: a class with one of the abstract classes of
`_interfaces.py` among its bases, or whose docstring has arguments, or a function that makes such an object. They are
grouped by the folder that they live in.
"""

import dataclasses
import importlib
import inspect
import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import neuroeqx
import numpy as np

from .. import _interfaces
from . import _docstrings as docstrings


COMMAND = "python -m neuroeqx.testing.models"
# The order of the page; folders that are not named here follow.
FIRST = ("neurons", "wrappers", "synapses", "plasticity", "sources", "connect")
# NEST's forms of these models have a page of their own.
ELSEWHERE = {"nest"}

INTRODUCTION = f"""# Models

<!-- written by {COMMAND} -->

Every public model: equations, state, parameters with units and defaults, and the paper the equations are from. This page is
written from the docstrings and fields of the classes by `{COMMAND}`; a test fails if it is not what
that command writes. What holds each model to a reference is in [`fidelity.md`](fidelity.md); models under NEST's names are in
[`nest.md`](nest.md).

Units form one coherent set, and nothing is converted: ms, mV, nS, pF and pA for point neurons; ms, mV, mS/cm2, uF/cm2 and
uA/cm2 for membranes. Numbers without a unit are called dimensionless. Where the column of units is empty the argument is no
physical quantity: a cell, a shape, a count, a function, a switch. A `weight` is in the unit of what it feeds.
"""


class Model(NamedTuple):
    """One entry of the page.

    - `name`: as a user finds it, without `neuroeqx.` and the folder.
    - `made`: the class or function.
    - `group`: the folder it lives in.
    """

    name: str
    made: Any
    group: str

    @property
    def parameters(self) -> list[inspect.Parameter]:
        function = self.made.__init__ if inspect.isclass(self.made) else self.made
        return [p for p in inspect.signature(function).parameters.values() if p.name != "self"]

    @property
    def interface(self) -> type | None:
        """The abstract class that says what it, or what it makes, can be used for."""
        kind = self.made if inspect.isclass(self.made) else self.made.__annotations__["return"]
        return next((base for base in _bases(kind) if is_public(base)), None)

    @property
    def text(self) -> str:
        """The docstring before the arguments, with those of abstract classes that the user does not see."""
        hidden = [b for b in _bases(self.made) if not is_public(b) and b.__module__.startswith("neuroeqx")]
        return "\n\n".join(docstrings.read(x).before for x in (self.made, *hidden))

    @property
    def state(self) -> Any:
        """The class of the state that `init` makes, if it has a name; an array otherwise, or `None`."""
        init = inspect.getattr_static(self.made, "init", None)
        return None if init is None else inspect.signature(self.made.init).return_annotation


def _bases(made: Any) -> list[type]:
    return [b for b in getattr(made, "__mro__", ())[1:] if b.__name__.startswith("Abstract")]


def is_public(made: Any) -> bool:
    return getattr(neuroeqx, made.__name__, None) is made


def public() -> dict[str, Any]:
    """The public classes and functions of the package and of its public folders, by name."""
    places = [neuroeqx, *(x for name, x in vars(neuroeqx).items() if inspect.ismodule(x) and not name.startswith("_"))]
    found: dict[str, Any] = {}
    for place in places:
        for name, x in vars(place).items():
            if not name.startswith("_") and (inspect.isclass(x) or inspect.isfunction(x)):
                found.setdefault(name, x)
    return found


def models() -> list[Model]:
    """Every public model, in the order of the page."""
    classes = [x for x in public().values() if _is_model(x)]
    makers = [x for x in public().values() if inspect.isfunction(x) and _is_maker(x, classes)]
    # Rules are made by functions, whose docstrings say what they are.
    made = [f.__annotations__["return"] for f in makers]
    classes = [x for x in classes if not (issubclass(x, neuroeqx.AbstractRule) and x in made)]
    entries = [Model(x.__name__, x, _group(x)) for x in (*classes, *makers) if _group(x) not in ELSEWHERE]
    return sorted(entries, key=_place)


def _place(model: Model) -> tuple[Any, ...]:
    """Groups, in them interfaces in the order of `_interfaces.py`, in these names."""
    rank = FIRST.index(model.group) if model.group in FIRST else len(FIRST)
    interfaces = [x for x in vars(_interfaces).values() if inspect.isclass(x)]
    interface = interfaces.index(model.interface) if model.interface in interfaces else len(interfaces)
    return rank, model.group, interface, model.name.lower()


def _is_model(x: Any) -> bool:
    if not (inspect.isclass(x) and issubclass(x, eqx.Module)) or x.__name__.startswith("Abstract"):
        return False
    return bool(_bases(x)) or bool(docstrings.read(x).arguments)


def _is_maker(f: Any, classes: list[type]) -> bool:
    made = f.__annotations__.get("return")
    return inspect.isclass(made) and (made in classes or issubclass(made, neuroeqx.AbstractRule))


def _group(made: Any) -> str:
    return made.__module__.split(".")[1].strip("_")


def arguments(model: Model) -> list[docstrings.Argument]:
    """The lines of a model's arguments, with those that it takes from another model (`**Arguments:** as those of`)."""
    found = docstrings.read(model.made)
    other = re.fullmatch(r"as those of `(\w+)`\.?", found.note)
    return arguments(_named(other[1])) if other else list(found.arguments)


def _named(name: str) -> Model:
    return Model(name, public()[name], _group(public()[name]))


def unit(argument: docstrings.Argument) -> str:
    """The unit of a line, also where it says to look at another model: `as in LIF`."""
    other = re.match(r"as in `(\w+)`", argument.meaning)
    if argument.unit or not other:
        return argument.unit
    lines = [x for x in arguments(_named(other[1])) if set(x.names) & set(argument.names)]
    return lines[0].unit if lines else ""


def page() -> str:
    """The whole page."""
    entries = models()
    anchors = _anchors(entries)
    parts = [INTRODUCTION, _contents(entries, anchors)]
    for group, members in itertools.groupby(entries, lambda model: model.group):
        parts.append(f"## {_title(group)}\n\n{_about(group)}\n")
        parts += [_entry(model, anchors) for model in members]
    return "\n".join(parts)


def _title(group: str) -> str:
    return {"connect": "Connectivity", "surrogate": "Surrogates", "network": "Networks"}.get(group, group.capitalize())


def _about(group: str) -> str:
    folder = Path(neuroeqx.__path__[0]) / group
    module = importlib.import_module(f"neuroeqx.{group if folder.is_dir() else '_' + group}")
    return (module.__doc__ or "").strip().split("\n\n")[0]


def _anchors(entries: list[Model]) -> dict[str, str]:
    """The anchors that GitHub gives to the headings, which are counted where names differ in case only."""
    anchors: dict[str, str] = {}
    taken: dict[str, int] = {}
    for model in entries:
        lower = model.name.lower()
        anchors[model.name] = lower + (f"-{taken[lower]}" if lower in taken else "")
        taken[lower] = taken.get(lower, 0) + 1
    return anchors


def _contents(entries: list[Model], anchors: dict[str, str]) -> str:
    lines = []
    for group, members in itertools.groupby(entries, lambda model: model.group):
        lines.append(f"- [{_title(group)}](#{_title(group).lower()})\n")
        for interface, alike in itertools.groupby(members, lambda model: model.interface):
            links = ", ".join(f"[`{m.name}`](#{anchors[m.name]})" for m in alike)
            name = f"`{interface.__name__}`" if interface else "others"
            lines.append(f"  - {name}: {links}\n")
    return "".join(lines)


def _entry(model: Model, anchors: dict[str, str]) -> str:
    found = docstrings.read(model.made)
    facts = []
    if model.interface and inspect.isclass(model.made):
        facts.append(f"- Interface: `{model.interface.__name__}`\n")
    if _state(model):
        facts.append(f"- State: {_state(model)}\n")
    sources = docstrings.papers(model.text + " " + found.after)
    if sources:
        facts.append(f"- Source: {'; '.join(sources)}\n")
    parts = [_equations(model.text) + "\n", "".join(facts), _table(model), found.after + "\n" if found.after else ""]
    body = "\n".join(part for part in parts if part)
    others = {name: anchor for name, anchor in anchors.items() if name != model.name}
    return f"### `{model.name}`\n\n{_mathematics(_linked(body, others))}"


def _state(model: Model) -> str:
    state = model.state
    if not (inspect.isclass(state) and issubclass(state, eqx.Module)):
        return ""
    fields = ", ".join(f"`{f.name}`" for f in _fields(state))
    about = " ".join((inspect.getdoc(state) or "").split("\n\n")[0].split())
    return f"`{state.__name__}` ({fields}): {about[:1].lower() + about[1:]}"


def _table(model: Model) -> str:
    rows = []
    values = {p.name: p for p in model.parameters}
    for argument in arguments(model):
        names = ", ".join(f"`{name}`" for name in argument.names)
        defaults = [_default(model, values[name]) for name in argument.names]
        # What several share is said once.
        default = defaults[0] if len(set(defaults)) == 1 else ", ".join(defaults)
        meaning = argument.meaning if ". " in argument.meaning else argument.meaning.removesuffix(".")
        cells = [names, re.sub("^in ", "", unit(argument)), default, meaning]
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n")
    if not rows:
        return ""
    note = docstrings.read(model.made).note
    note = f"Arguments {note}:\n\n" if note.startswith("(") else ""
    return note + "| argument | unit | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _default(model: Model, parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return "required"
    value = parameter.default
    if inspect.isclass(model.made):
        for field in _fields(model.made):
            if field.name == parameter.name and field.default_factory is not dataclasses.MISSING:
                value = field.default_factory()
    return f"`{_shown(value)}`"


def _shown(value: Any) -> str:
    if isinstance(value, eqx.Module):
        given = [(f.name, getattr(value, f.name)) for f in _fields(value)]
        return f"{type(value).__name__}({', '.join(f'{name}={_shown(x)}' for name, x in given)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    if callable(value):
        return value.__name__
    if eqx.is_array(value) or isinstance(value, float | np.ndarray):
        return f"{float(value):g}" if np.ndim(value) == 0 else str(np.asarray(value).tolist())
    return repr(value)


def _fields(module: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(module)


def _equations(text: str) -> str:
    """Each line that begins with an equation, in a paragraph that does, becomes a line of the page."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(p.replace("\n$", "\\\n$") if p.startswith("$") else p for p in paragraphs)


_CODE = re.compile(r"(```.*?```|`[^`\n]+`|\$[^$]+\$)", re.DOTALL)


def _linked(text: str, anchors: dict[str, str]) -> str:
    """The names of other models as links to them."""

    def link(piece: str) -> str:
        named = re.fullmatch(r"`(\w+)(\(.*\))?`", piece)
        return f"[{piece}](#{anchors[named[1]]})" if named and named[1] in anchors else piece

    return "".join(link(piece) for piece in _CODE.split(text))


def _mathematics(text: str) -> str:
    """Formulas between $` and `$, where Markdown leaves backslashes, underscores and stars alone."""

    def marked(piece: str) -> str:
        return f"$`{' '.join(piece[1:-1].split())}`$" if piece.startswith("$") and len(piece) > 1 else piece

    return "".join(marked(piece) for piece in _CODE.split(text))


def faults(model: Model) -> list[str]:
    """What its docstring lacks: a line for each argument and none for others, units, a word about the state."""
    lines, found = arguments(model), []
    named = {name for line in lines for name in line.names}
    expected = {p.name for p in model.parameters}
    found += [f"`{name}` has no line in **Arguments:**" for name in sorted(expected - named)]
    found += [f"`{name}` has a line in **Arguments:** and is no argument" for name in sorted(named - expected)]
    units = {name: unit(line) for line in lines for name in line.names}
    for name in sorted(_quantities(model) & named):
        if not units[name]:
            found.append(f"`{name}` has no unit: end its line in `, mV.` or the like, or in `, dimensionless.`")
    state = model.state
    if inspect.isclass(state) and issubclass(state, eqx.Module):
        if not inspect.getdoc(state):
            found.append(f"its state {state.__name__} has no docstring")
    elif state is not None and state is not Any and "state" not in model.text:
        found.append("its docstring does not say what its state is")
    return found


def _quantities(model: Model) -> set[str]:
    """The arguments that are kept as floating-point arrays."""
    if not inspect.isclass(model.made):
        return set()
    return {field.name for field in _fields(model.made) if "Float[" in str(field.type)}


def main() -> None:
    """Writes the page, and complains of what cannot be written."""
    incomplete = [f"{model.name}: {fault}" for model in models() for fault in faults(model)]
    if incomplete:
        raise SystemExit("\n".join(incomplete))
    Path("docs/models.md").write_text(page())


if __name__ == "__main__":
    main()
