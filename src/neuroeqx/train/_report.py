"""What tasks print."""

import argparse
import json
import sys
from typing import Any

import numpy as np

from ..demos._options import count as count
from ..learn import Fit


def add_arguments(parser: argparse.ArgumentParser, epochs: int | None = None) -> None:
    """The options that all tasks have; `epochs` is the default, `None` for tasks without."""
    if epochs is not None:
        parser.add_argument(
            "--epochs", type=count, default=epochs, metavar="N", help=f"passes through the data ({epochs})"
        )
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="networks, of seeds 0 to N - 1 (3)")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def accuracies(validation: Any, test: Any) -> dict[str, list[Any]]:
    """Of `[seeds, epochs]` accuracies those to be reported: of the last epoch, and of the first epoch that is best on the
    validation data. What is best on the test data is nobody's business."""
    validation, test = np.asarray(validation, np.float64), np.asarray(test, np.float64)
    best = validation.argmax(1)
    return {
        "test_accuracy": [round(x, 4) for x in test[:, -1].tolist()],
        "test_accuracy_chosen": [round(float(row[i]), 4) for row, i in zip(test, best, strict=True)],
        "chosen_epoch": [int(i) + 1 for i in best],
        "validation_accuracy": [round(x, 4) for x in validation[:, -1].tolist()],
    }


def fitted(done: Fit, last: Any, chosen: Any) -> dict[str, Any]:
    """As `accuracies`, of one run of `fit` whose metric is "accuracy", with the test accuracies of its last and of its chosen
    model."""
    validation = done.epochs["validation accuracy"]
    return {
        "test_accuracy": round(float(last), 4),
        "test_accuracy_chosen": round(float(chosen), 4),
        "chosen_epoch": None if done.chosen_epoch is None else done.chosen_epoch + 1,
        "validation_accuracy": round(float(validation[-1]), 4),
    }


def progress(text: str) -> None:
    """A line of standard error."""
    sys.stderr.write(text + "\n")


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print a result: its lists, an entry for each seed, as columns, the rest as lines."""
    if as_json:
        print(json.dumps(result))
        return
    seeds = len(result["seeds"])
    columns = {name: value for name, value in result.items() if isinstance(value, list) and len(value) == seeds}
    for name, value in result.items():
        if name not in columns:
            print(f"{name:24} {value}")
    print("\n" + "  ".join(name for name in columns))
    for row in zip(*columns.values(), strict=True):
        print("  ".join(f"{value!s:>{len(name)}}" for name, value in zip(columns, row, strict=True)))
