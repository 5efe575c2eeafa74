"""What `python -m neuroeqx demo` shows."""

from ._cli import DEMOS as DEMOS, main as main
