"""Which of the models along the way is the best."""

import math
from typing import NamedTuple


class Choice(NamedTuple):
    """A quantity of the validation, and whether more of it is better."""

    name: str
    more: bool

    @classmethod
    def of(cls, words: str, names: list[str]) -> "Choice":
        """From "min loss" or "max accuracy".

        **Errors:** `ValueError` with what there is to choose by.
        """
        kind, _, name = words.partition(" ")
        if kind not in ("min", "max") or name not in names:
            known = ", ".join(repr(name) for name in names)
            raise ValueError(
                f"fit: `choose` must be 'min' or 'max' and one of {known}, as in 'min loss'; got {words!r}."
            )
        return cls(name, kind == "max")

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best so far (`None` before the first). NaN never is."""
        if math.isnan(value):
            return False
        return best is None or (value > best if self.more else value < best)
