"""What `python -m neuroeqx demo` shows."""

from ._demos import DEMOS as DEMOS
