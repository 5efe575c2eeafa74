"""What a docstring in the style of this package says: text, a line for each argument, units, papers."""

import inspect
import re
from typing import Any, NamedTuple


class Argument(NamedTuple):
    """One line of the arguments.

    - `names`: of those that share the line.
    - `unit`: theirs, or an empty text.
    - `meaning`: the rest of the line.
    """

    names: tuple[str, ...]
    unit: str
    meaning: str


class Docstring(NamedTuple):
    """The parts of a docstring.

    - `before`, `after`: the text on both sides of the arguments.
    - `note`: what holds for all arguments, in the line that announces them.
    - `arguments`: one for each line.
    """

    before: str
    note: str
    arguments: tuple[Argument, ...]
    after: str


def read(documented: Any) -> Docstring:
    """The docstring of a class or function."""
    text = inspect.getdoc(documented) or ""
    before, found, rest = text.partition("**Arguments:**")
    if not found:
        return Docstring(text.strip(), "", (), "")
    note, _, rest = rest.partition("\n")
    lines = rest.strip("\n").split("\n")
    items: list[str] = []
    while lines and (lines[0].startswith("- ") or (items and lines[0].startswith("  "))):
        line = lines.pop(0)
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    arguments = tuple(_argument(documented.__name__, item) for item in items)
    return Docstring(before.strip(), note.strip(), arguments, "\n".join(lines).strip())


def _argument(owner: str, line: str) -> Argument:
    named = re.match(r"((?:`\w+`(?:, )?)+): ", line)
    if not named:
        raise ValueError(
            f"{owner}: an argument's line must begin with its name and a colon, `name`: ..., got {line!r}."
        )
    names = tuple(re.findall(r"`(\w+)`", named[1]))
    return Argument(names, *split_unit(line[named.end() :]))


_SYMBOL = r"(?:ms|s|mV|uV|nS|uS|pF|nF|pA|nA|pC|Hz|kHz|rad|mM|uM|[MG]Ohm|Ohm cm|um|mS/cm2|uF/cm2|uA/cm2|degC|cm|steps)(?:\^\d)?"
_QUOTIENT = rf"(?:1|{_SYMBOL}(?: {_SYMBOL})*)(?:/(?:{_SYMBOL}|\({_SYMBOL}(?: {_SYMBOL})*\)))?(?: per {_SYMBOL})?"
_WORDS = r"dimensionless|(?:in the |in |)units? of [^,;:]+|(?:mV |1/ms |)per unit of [^,;:]+"
_UNIT = re.compile(rf"(?!1$)(?:{_WORDS}|{_QUOTIENT}(?: and {_QUOTIENT})?)(?: \(or dimensionless[^)]*\))?")


# A phrase and the delimiter behind it; delimiters within code, formulas and parentheses divide nothing.
_DELIMITER = r"(?:, |; |: |\. |\.$)"
_PHRASE = re.compile(rf"((?:`[^`]*`|\$[^$]*\$|\([^()]*\)|(?!{_DELIMITER}).)+)({_DELIMITER}|$)")


def split_unit(line: str) -> tuple[str, str]:
    """The unit that a line names, and the line without it.

    The unit is a phrase of its own, between commas, colons, semicolons or points: `reset potential, mV; below v_th`. Of
    several that follow each other, as of arguments that share a line, all are taken.
    """
    kept, units, after, last = "", [], "", ""
    for phrase, delimiter in _PHRASE.findall(line):
        if _UNIT.fullmatch(phrase) and not after:
            units.append(phrase)
            last = delimiter
            continue
        if units:
            after += phrase + delimiter
        else:
            kept += phrase + delimiter
    if not units:
        return "", line
    # What stood before the unit ends with the delimiter that stands after it.
    kept = re.sub(f"{_DELIMITER}$", "", kept)
    meaning = kept + last + after if kept else after
    return ", ".join(units), meaning.strip()


_NAME = r"(?:van |von |de )?[A-Z][\w'-]+"
_PAPER = re.compile(rf"({_NAME}(?:, {_NAME})*(?:,? & {_NAME}| et al\.)?) \(?(\d{{4}}[a-z]?(?:, \d{{4}}[a-z]?)*)\b")


def papers(text: str) -> list[str]:
    """The papers that a text refers to, `Brette & Gerstner 2005` or `Izhikevich (2003)`, in its order."""
    flat = " ".join(text.split())
    found = [f"{authors} {year}" for authors, years in _PAPER.findall(flat) for year in years.split(", ")]
    return list(dict.fromkeys(found))
