"""What a procedural matrix is, apart from its numbers: a description that is part of the program.

A matrix is drawn again at every use, row by row, from Philox words: word m of a row and a stream is output word m % 4 of
`philox(m // 4, row, stream, 0; seed)`. Draw t of a row takes the words t D ... t D + D - 1 of the stream of places (D
digits), and word t of every other stream that it needs. All integers are 32 bits wide and unsigned.
"""

import dataclasses
import math
from typing import Any, Literal, NamedTuple


PLACES, WEIGHTS, ACCEPTANCE, DELAYS = range(4)  # the streams
DIGIT = 1024  # values of a digit of a gap
_MOST = 2**31  # columns are int32


class Operands(NamedTuple):
    """The arrays of a matrix besides its weights, in the order in which products take them; `None` where not needed.

    `seed` uint32[2], `gaps` uint32[digits, 1024], `normal` uint32[entries, 2], `accept` uint32[width], `offset` int32[].
    """

    seed: Any
    gaps: Any = None
    normal: Any = None
    accept: Any = None
    offset: Any = None


@dataclasses.dataclass(frozen=True)
class Grid:
    """Sources and targets on grids (rows, columns); a source reaches offsets up to `radius` around its centre.

    The centre of source (y, x) is the target ((2 y + 1) Ht // (2 H), (2 x + 1) Wt // (2 W)). Offsets are numbered row by
    row. Those that lead outside of the grid are dropped, or wrapped if `periodic`.
    """

    pre: tuple[int, int]
    post: tuple[int, int]
    radius: tuple[int, int]
    periodic: bool = False

    def __post_init__(self) -> None:
        if min(*self.pre, *self.post) < 1:
            raise ValueError(f"lattice: the sides must be positive, got {self.pre} and {self.post}")
        if min(self.radius) < 0:
            raise ValueError(f"lattice: radius must not be negative, got {self.radius}")
        if self.periodic and any(2 * r + 1 > side for r, side in zip(self.radius, self.post, strict=True)):
            raise ValueError(
                f"lattice: a periodic grid of {self.post} targets cannot hold a radius of {self.radius}: 2 radius + 1 may be "
                "at most the side"
            )

    @property
    def box(self) -> tuple[int, int]:
        return 2 * self.radius[0] + 1, 2 * self.radius[1] + 1


@dataclasses.dataclass(frozen=True)
class Law:
    """The law of a procedural matrix.

    **Arguments:**

    - `n_pre`, `n_post`: numbers of sources and targets.
    - `k`: every source has this many synapses, targets drawn uniformly with repetition; or `None`:
    - `digits`: every place is taken with the same probability; the gaps between synapses have 1 or 2 digits.
    - `weights`: `"constant"` (parameters of shape `()`), `"uniform"` (low, high) or `"normal"` (mean, sd).
    - `autapses`: if not, place v of a row stands for target `v + (v >= row)`.
    - `delays`: `(low, high)`: each synapse has a whole number of steps, uniform between these, both included; or `None`.
    - `grid`: places are offsets on a grid, with `digits` and accepted with a probability each.
    """

    n_pre: int
    n_post: int
    k: int | None = None
    digits: int = 0
    weights: Literal["constant", "uniform", "normal"] = "constant"
    autapses: bool = True
    delays: tuple[int, int] | None = None
    grid: Grid | None = None

    def __post_init__(self) -> None:
        if min(self.n_pre, self.n_post) < 0:
            raise ValueError(f"law: sizes must not be negative, got {self.n_pre} x {self.n_post}")
        if (self.k is None) != (self.digits in (1, 2)) or (self.k or 0) < 0 or (self.k or 0) >= _MOST:
            raise ValueError(
                f"law: either `k` is a number of synapses or `digits` is 1 or 2, got k={self.k} and digits={self.digits}"
            )
        if not self.autapses and (self.n_pre != self.n_post or self.grid is not None):
            raise ValueError("law: autapses=False needs as many sources as targets, and no grid")
        if self.delays is not None and not 1 <= self.delays[0] <= self.delays[1]:
            raise ValueError(f"law: delays must be (low, high) with 1 <= low <= high, got {self.delays}")
        if self.grid is not None:
            sizes = math.prod(self.grid.pre), math.prod(self.grid.post)
            if sizes != (self.n_pre, self.n_post) or self.k is not None:
                raise ValueError(f"law: the grid has {sizes[0]} x {sizes[1]} cells and needs `digits`, not `k`")
        if max(self.n_pre, self.width, self.columns) >= _MOST:
            raise ValueError(f"law: {self.n_pre} x {self.columns} is too large, a side must stay below 2^31")

    @property
    def width(self) -> int:
        """The number of places of a row that draws choose from."""
        if self.grid is not None:
            return math.prod(self.grid.box)
        return self.n_post if self.autapses else max(self.n_post - 1, 0)

    @property
    def columns(self) -> int:
        """The length of `out`, at least: with delays a ring of as many inputs as there are delays."""
        return self.n_post * (1 if self.delays is None else self.delays[1])

    @property
    def theta_shape(self) -> tuple[int, ...]:
        return () if self.weights == "constant" else (2,)

    @property
    def empty(self) -> bool:
        return 0 in (self.n_pre, self.n_post, self.width) or self.k == 0

    @property
    def names(self) -> tuple[str, ...]:
        """The operands that this law needs, in order."""
        present = {"gaps": self.k is None, "normal": self.weights == "normal", "accept": self.grid is not None}
        return "seed", *(name for name, needed in present.items() if needed)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of these operands, all uint32."""
        every = {"seed": (2,), "gaps": (self.digits, DIGIT), "normal": (ENTRIES, 2), "accept": (self.width,)}
        return {name: every[name] for name in self.names}

    def operands(self, structure: tuple) -> Operands:
        """The operands by name; an offset may follow them."""
        names = (*self.names, "offset")
        return Operands(**dict(zip(names, structure, strict=False)))


ENTRIES = 64 * 24 + 128  # of the table of normal deviates, see `_tables.py`
