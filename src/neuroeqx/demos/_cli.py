"""The command line: `python -m neuroeqx demo [name] [options]`."""

import argparse
import importlib
from collections.abc import Sequence
from importlib.metadata import version


# Name: module, what it shows. The module has `add_arguments(parser)` and `main(args)`; it is imported when chosen.
DEMOS = {
    "fly": ("_fly", "the trained visual system of the fruit fly, 45,669 neurons, sees moving edges"),
    "coba": ("_coba", "a network of excitatory and inhibitory neurons in the asynchronous irregular state"),
    "digits": ("_digits", "a spiking network learns to read handwritten digits"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; `argv` is that of the process by default."""
    parser = argparse.ArgumentParser(
        prog="python -m neuroeqx",
        description="Brains as Equinox pytrees.",
        epilog=_listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"neuroeqx {version('neuroeqx')}")
    parser.add_argument("command", choices=["demo"], help="run a demo")
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="a demo's name (default: fly) and its options; --help lists those"
    )
    given = parser.parse_args(argv)
    name, options = "fly", list(given.options)
    if options and not options[0].startswith("-"):
        name, options = options[0], options[1:]
    if name not in DEMOS:
        parser.error(f"there is no demo {name!r}; choose from {', '.join(DEMOS)}")
    _run(name, options)


def _run(name: str, options: list[str]) -> None:
    module_name, purpose = DEMOS[name]
    module = importlib.import_module(f".{module_name}", __package__)
    parser = argparse.ArgumentParser(
        prog=f"python -m neuroeqx demo {name}",
        description=f"Demo: {purpose}.",
        epilog=_listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    module.main(parser.parse_args(options))


def _listing() -> str:
    return "demos:\n" + "\n".join(f"  {name:8}{purpose}" for name, (_, purpose) in DEMOS.items())
