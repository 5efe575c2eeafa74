"""The trained fly visual system that comes with the package, and its expansion over the columns of an eye.

Data: 50 parameter sets of the model of Lappalainen et al. (Nature 2024, doi 10.1038/s41586-024-07939-3), trained on the
connectome of the fly's optic lobe; MIT licence, in the folder of the data.
"""

import dataclasses
import functools
import gzip
import hashlib
import json
from importlib import resources

import numpy as np
from jaxtyping import Float, Int


EXTENTS = (2, 15)
MODELS = (0, 49)
_WIRING = "connectome_fib25-fib19_v2.2.json.gz"


@dataclasses.dataclass(frozen=True)
class Eye:
    """A model eye: its cells, type by type and column by column, and all connections between them.

    - `types`: the names of the cell types, in the order of the cells.
    - `bounds`: the cells of type k are `bounds[k]` to `bounds[k + 1] - 1`.
    - `u`, `v`: the hexagonal column of each cell.
    - `tau`: time constants, ms.
    - `bias`: resting voltages.
    - `pre`, `post`, `weight`: the connections, each from one cell to one other.
    """

    types: tuple[str, ...]
    bounds: Int[np.ndarray, " types_and_end"]
    u: Int[np.ndarray, " cells"]
    v: Int[np.ndarray, " cells"]
    tau: Float[np.ndarray, " cells"]
    bias: Float[np.ndarray, " cells"]
    pre: Int[np.ndarray, " connections"]
    post: Int[np.ndarray, " connections"]
    weight: Float[np.ndarray, " connections"]

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(self.bounds[-1])

    def cells(self, type: str) -> slice:
        """The cells of one type."""
        k = self.types.index(type)
        return slice(int(self.bounds[k]), int(self.bounds[k + 1]))

    def central(self, type: str) -> int:
        """The cell of this type in the column at the centre of the eye."""
        cells = self.cells(type)
        here = np.flatnonzero((self.u[cells] == 0) & (self.v[cells] == 0))
        return cells.start + int(here[0])

    def positions(self, type: str) -> tuple[np.ndarray, np.ndarray]:
        """Where the cells of one type look, (x, y) in half-ommatidia: neighbouring columns are 2 apart."""
        u, v = self.u[self.cells(type)], self.v[self.cells(type)]
        return np.sqrt(3.0) * v, -2.0 * (u + v / 2.0)


@functools.cache
def load() -> tuple[dict[str, np.ndarray], tuple[str, ...], Int[np.ndarray, "types 2"]]:
    """The arrays of the data set by name, the names of the cell types, and their strides over the columns.

    **Errors:** `RuntimeError` if a file is not what it was when the package was made.
    """
    folder = resources.files("neuroeqx") / "data" / "fly_vision"
    manifest = json.loads((folder / "manifest.json").read_text())
    arrays = {}
    for entry in manifest["arrays"]:
        content = (folder / entry["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise RuntimeError(f"The file {entry['file']} of the fly's data is damaged: install neuroeqx again.")
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        values = np.frombuffer(content, dtype).reshape(entry["shape"])
        # Double precision here; the precision of a simulation is chosen when it is built.
        arrays[entry["name"]] = values.astype(float if dtype.kind == "f" else int)
    wiring = json.loads(gzip.decompress((folder / _WIRING).read_bytes()))
    types = tuple(manifest["strings"]["type"])
    if types != tuple(node["name"] for node in wiring["nodes"]):
        raise RuntimeError(f"The file {_WIRING} of the fly's data is damaged: install neuroeqx again.")
    return arrays, types, np.array([node["pattern"][1] for node in wiring["nodes"]])


def build(extent: int = 15, model: int = 0) -> Eye:
    """The eye of all columns (u, v) with |u|, |v|, |u + v| <= extent.

    **Arguments:**

    - `extent`: 2 to 15 columns from the centre to the rim.
    - `model`: which of the 50 parameter sets, 0 to 49.
    """
    for name, value, (low, high) in (("extent", extent, EXTENTS), ("model", model, MODELS)):
        if not low <= value <= high:
            raise ValueError(f"`{name}` must be a whole number from {low} to {high}, got {value}.")
    arrays, types, strides = load()
    grid = np.arange(-extent, extent + 1)
    u, v = (axis.ravel() for axis in np.meshgrid(grid, grid, indexing="ij"))
    inside = np.abs(u + v) <= extent
    u, v = u[inside], v[inside]
    # Types of large cells have one cell in several columns.
    present = (u % strides[:, :1] == 0) & (v % strides[:, 1:] == 0)
    kind, column = np.nonzero(present)
    # The number of the cell at (type, u, v), or -1. The margin takes the columns that filters reach outside of the eye.
    margin = int(max(np.abs(arrays["group_du"]).max(), np.abs(arrays["group_dv"]).max())) + extent
    number = np.full((len(types), 2 * margin + 1, 2 * margin + 1), -1)
    number[kind, u[column] + margin, v[column] + margin] = np.arange(len(kind))

    pair = arrays["group_pair"]
    du, dv = (arrays[name][:, None] for name in ("group_du", "group_dv"))
    source, target = (arrays[name][pair][:, None] for name in ("pair_source", "pair_target"))
    pre = number[source, u + margin, v + margin]
    post = number[target, u + du + margin, v + dv + margin]
    strength = arrays["pair_sign"] * arrays["strength"][model]
    weight = np.broadcast_to((arrays["group_n_syn"] * strength[pair])[:, None], pre.shape)
    real = (pre >= 0) & (post >= 0)
    return Eye(
        types=types,
        bounds=np.searchsorted(kind, np.arange(len(types) + 1)),
        u=u[column],
        v=v[column],
        tau=1000.0 * arrays["time_const_s"][model][kind],
        bias=arrays["bias"][model][kind],
        pre=pre[real],
        post=post[real],
        weight=weight[real],
    )
