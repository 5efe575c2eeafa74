"""Recordings of single cells under injected currents."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ._files import existing, Location


class Sweeps(NamedTuple):
    """Sweeps of a current-clamp recording.

    - `number`: of each sweep in the original file, `[sweeps]`.
    - `v`: voltages, mV, `[sweeps, samples]`.
    - `current`: injected, pA, `[sweeps, samples]`.
    - `dt`: the time between samples, ms.
    """

    number: Int[np.ndarray, " sweeps"]
    v: Float[np.ndarray, "sweeps samples"]
    current: Float[np.ndarray, "sweeps samples"]
    dt: float

    def spikes(self, threshold: float = -10.0) -> Bool[np.ndarray, "sweeps samples"]:
        """True in the sample in which the voltage has just risen to `threshold` (mV)."""
        above = self.v >= threshold
        return above & ~np.concatenate([np.ones_like(above[:, :1]), above[:, :-1]], 1)

    def stimulus(self) -> Bool[np.ndarray, " samples"]:
        """The samples in which the injected current differs between sweeps."""
        places = np.ptp(self.current, axis=0) > 0.0
        if not places.any():
            raise ValueError("Sweeps.stimulus: all sweeps have the same current.")
        return places


def load_patch_clamp(path: Location, cell: str) -> Sweeps:
    """Sweeps of one cell from a file of NumPy (`.npz`).

    The file holds, with the cell's name and an underscore before each name, `sweep` (numbers), `v_mV_x100` (hundredths of mV,
    `int16[sweeps, samples]`), `i_pA` (of the same shape) and `dt_ms`.

    **Errors:** a `ValueError` if it is another file, or has no such cell; it names the cells that there are.
    """
    path = existing(Path(path))
    names = [f"{cell}_{part}" for part in ("sweep", "v_mV_x100", "i_pA", "dt_ms")]
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                there = sorted(name.removesuffix("_dt_ms") for name in file.files if name.endswith("_dt_ms"))
                raise ValueError(f"it has no array {missing[0]!r}; its cells are {', '.join(there) or 'none'}")
            number, v, current, dt = (file[name] for name in names)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not sweeps of {cell!r}: {error}.") from error
    if v.ndim != 2 or current.shape != v.shape or number.shape != v.shape[:1] or np.shape(dt) != ():
        raise ValueError(
            f"{path}: the sweeps of {cell!r} do not go together: voltages {v.shape}, currents {current.shape}, numbers "
            f"{number.shape}."
        )
    return Sweeps(
        number.astype(np.int64), v.astype(np.float32) / np.float32(100.0), current.astype(np.float32), float(dt)
    )
