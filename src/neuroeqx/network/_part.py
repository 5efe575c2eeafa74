"""A contiguous part of a population as the source or target of a projection."""

import equinox as eqx

from .._fields import static


class Part(eqx.Module):
    """The cells `start` to `stop - 1` of a population, counted along its flattened shape."""

    name: str = eqx.field(static=True)
    start: int | None = static(None)
    stop: int | None = static(None)

    def bounds(self, size: int) -> tuple[int, int]:
        """(start, stop) within a population of the given size; a `ValueError` if it does not fit."""
        start = 0 if self.start is None else self.start
        stop = size if self.stop is None else self.stop
        if not 0 <= start <= stop <= size:
            raise ValueError(
                f"part({self.name!r}, {start}, {stop}) does not lie within population {self.name!r} of {size} cells."
            )
        return start, stop

    def __str__(self) -> str:
        return self.name if self.start is None and self.stop is None else f"{self.name}[{self.start}:{self.stop}]"


def part(name: str, start: int, stop: int) -> Part:
    """A part of a population, e.g. `part("N", 0, 3200)`, wherever a projection takes a name.

    **Arguments:**

    - `name`: the population.
    - `start`, `stop`: as in a slice; they must lie within the population.
    """
    return Part(name, int(start), int(stop))


def as_part(name: "str | Part") -> Part:
    if isinstance(name, Part):
        return name
    if isinstance(name, str):
        return Part(name)
    raise TypeError(f"A projection's `pre` and `post` are names or part(name, start, stop), got {name!r}.")
