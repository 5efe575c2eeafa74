"""The command line: `python -m neuroeqx demo [name] [options]`, `python -m neuroeqx train task [options]`."""

import argparse
import importlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

from .demos import DEMOS
from .train import TASKS


class Command(NamedTuple):
    """A word of the command line and what may follow it.

    - `noun`: one of the things that may follow.
    - `entries`: name: module, what it does. The module has `add_arguments(parser)` and `main(args)`; it is imported when
        chosen.
    - `package`: where the modules are.
    - `default`: the name if none is given.
    """

    noun: str
    entries: dict[str, tuple[str, str]]
    package: str
    default: str | None

    @property
    def listing(self) -> str:
        return f"{self.noun}s:\n" + "\n".join(f"  {name:14}{purpose}" for name, (_, purpose) in self.entries.items())


COMMANDS = {
    "demo": Command("demo", DEMOS, "neuroeqx.demos", "fly"),
    "train": Command("task", TASKS, "neuroeqx.train", None),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; `argv` is that of the process by default."""
    parser = argparse.ArgumentParser(
        prog="python -m neuroeqx",
        description="Brains as Equinox pytrees.",
        epilog="\n\n".join(command.listing for command in COMMANDS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"neuroeqx {version('neuroeqx')}")
    parser.add_argument("command", choices=list(COMMANDS), help="run a demo, or train a network on a task")
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="a name (demo: fly by default) and its options; --help lists those"
    )
    given = parser.parse_args(argv)
    command, options = COMMANDS[given.command], list(given.options)
    name = command.default
    if options and not options[0].startswith("-"):
        name, options = options[0], options[1:]
    if name is None and {"-h", "--help"} & set(options):
        parser.parse_args(["--help"])
    if name not in command.entries:
        wrong = f"name a {command.noun}" if name is None else f"there is no {command.noun} {name!r}"
        parser.error(f"{wrong}; choose from {', '.join(command.entries)}")
    _run(given.command, name, options)


def _run(word: str, name: str, options: list[str]) -> None:
    command = COMMANDS[word]
    module_name, purpose = command.entries[name]
    module = importlib.import_module(f"{command.package}.{module_name}")
    parser = argparse.ArgumentParser(
        prog=f"python -m neuroeqx {word} {name}",
        description=f"{command.noun.capitalize()}: {purpose}.",
        epilog=command.listing,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    module.main(parser.parse_args(options))
