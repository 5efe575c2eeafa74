"""Options that the demos share."""

import argparse
import os
from pathlib import Path


def figure_path(text: str) -> Path:
    """Checked before the simulation, and not after it."""
    path = Path(text)
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise argparse.ArgumentTypeError(f"--output must end with .png, .pdf or .svg, got {text!r}")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"--output {text!r} cannot be written: is its folder there?")
    return path
