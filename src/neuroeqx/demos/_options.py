"""Options that demos and tasks share."""

import argparse
import os
from pathlib import Path


def count(text: str, least: int = 1) -> int:
    """A whole number, at least `least`."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be a whole number, at least {least}, got {text!r}")
    return value


def figure_path(text: str) -> Path:
    """Checked before the simulation, and not after it."""
    path = Path(text)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise argparse.ArgumentTypeError(f"--output must end with .png, .pdf or .svg, got {text!r}")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"--output {text!r} cannot be written: is its folder there?")
    return path
