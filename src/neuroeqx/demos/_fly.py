"""`python -m neuroeqx demo fly`: what the motion detectors of a trained fly visual system prefer."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ._fly_data import build, EXTENTS, MODELS
from ._fly_figure import draw, SHOWN
from ._fly_vision import BIOLOGY, DIRECTIONS, DT, experiment, LUMINANCE, Result
from ._options import figure_path


_TOLERANCE = 35.0  # degrees; the directions shown are 30 apart


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this demo."""
    parser.add_argument(
        "--extent",
        type=_whole("--extent", *EXTENTS),
        default=15,
        metavar="N",
        help=f"columns from the centre of the eye to its rim, {EXTENTS[0]} to {EXTENTS[1]} (default: 15)",
    )
    parser.add_argument(
        "--model",
        type=_whole("--model", *MODELS),
        default=0,
        metavar="N",
        help=f"which of the trained parameter sets, {MODELS[0]} to {MODELS[1]} (default: 0)",
    )
    parser.add_argument(
        "--output", type=figure_path, default=Path("fly_vision.png"), metavar="FILE", help="where the figure goes"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def main(args: argparse.Namespace) -> None:
    """Run the experiment, draw it, say what was found."""
    report = _reporter()
    report(f"building the eye: extent {args.extent}, parameter set {args.model}")
    eye = build(args.extent, args.model)
    report(f"{eye.size:,} neurons, {len(eye.pre):,} connections")
    result, sweeps = experiment(eye, SHOWN, report)
    report("drawing")
    draw(args.output, eye, result, sweeps, f"parameter set {args.model}")
    report("done")
    if args.json:
        found = {name: round(angle, 2) for name, angle in result.preferred().items()}
        numbers = {
            "preferred_deg": found,
            "neurons": eye.size,
            "connections": len(eye.pre),
            "steps": result.steps,
            "compile_s": round(result.compile_s, 3),
            "run_s": round(result.run_s, 3),
            "figure": str(args.output),
        }
        print(json.dumps(numbers))
    else:
        print(_table(result))
        conditions = len(LUMINANCE) * len(DIRECTIONS)
        print(f"\n{eye.size:,} neurons, {len(eye.pre):,} connections, parameter set {args.model}")
        print(f"{conditions} moving edges as one batch, {result.steps} steps of {DT:g} ms each")
        print(f"compiled in {result.compile_s:.1f} s, simulated in {result.run_s:.1f} s")
        print(f"figure: {args.output.resolve()}")


def _table(result: Result) -> str:
    """Preferred directions, found and known."""
    lines = ["type  edge  preferred  in biology  difference"]
    close = 0
    for name, angle in result.preferred().items():
        known = BIOLOGY[name[-1]]
        difference = (angle - known + 180.0) % 360.0 - 180.0
        close += abs(difference) <= _TOLERANCE
        edge = "ON" if name.startswith("T4") else "OFF"
        lines.append(f"{name:<6}{edge:<4}{angle:>7.0f} deg{known:>8.0f} deg{difference:>+8.0f} deg")
    total = len(lines) - 1
    note = "" if close == total else " (not every parameter set of the ensemble is tuned)"
    lines.append(f"{close} of {total} within {_TOLERANCE:g} degrees{note}")
    return "\n".join(lines)


def _reporter() -> Callable[[str], None]:
    """Progress, with the time since the beginning, on standard error: standard output holds results only."""
    start = time.perf_counter()

    def report(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.1f} s] {text}", file=sys.stderr, flush=True)

    return report


def _whole(name: str, low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{name} is a whole number from {low} to {high}, got {text!r}")
        return value

    return parse
