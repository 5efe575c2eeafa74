"""The Heidelberg spiking datasets: spoken digits (SHD) and commands (SSC) through a model of the cochlea."""

from typing import Any

import numpy as np

from ._event_dataset import EventDataset
from ._files import existing, Location


UNITS = 700


def load_shd(path: Location, duration: float | None = None) -> EventDataset:
    """A file of the Heidelberg spiking datasets (Cramer et al. 2022), SHD or SSC: `shd_train.h5`, `ssc_valid.h5`, ...

    The HDF5 file has `spikes/times` (s) and `spikes/units` (0 ... 699), an array for each sample, and `labels`; where it has
    `extra/speaker`, that is the group `speaker`. Needs h5py: `pip install "neuroeqx[data]"`.

    **Arguments:**

    - `path`: of the file, not gzipped.
    - `duration`: ms; later events are left out. If `None`, the least number of whole ms with all events, which differs from
        file to file.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'load_shd reads HDF5 files, for which it needs h5py: pip install "neuroeqx[data]".'
        ) from error

    path = existing(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        with path.open("rb") as found:
            advice = " but a gzipped one: unpack it" if found.read(2) == b"\x1f\x8b" else ""
        raise ValueError(f"{path}: not an HDF5 file{advice} ({error}).") from error
    with file:
        spikes = [_read(path, file, name) for name in ("spikes/times", "spikes/units")]
        labels = _read(path, file, "labels")
        groups = {"speaker": _read(path, file, "extra/speaker")} if "extra/speaker" in file else {}
    counts, unit_counts = ([len(x) for x in samples] for samples in spikes)
    if counts != unit_counts or labels.shape != (len(counts),):
        raise ValueError(
            f"{path}: {len(counts)} samples of times, {len(unit_counts)} of units and {len(labels)} labels, or samples with "
            "unlike numbers of times and units."
        )
    # From half precision, which has no room for milliseconds.
    times = _joined(spikes[0]).astype(np.float32) * np.float32(1000.0)
    units = _joined(spikes[1]).astype(np.int64)
    if times.size and not (np.all(np.isfinite(times)) and times.min() >= 0.0):
        raise ValueError(f"{path}: times must be finite and not negative, got {times.min():g} ms.")
    if units.size and not (units.min() >= 0 and units.max() < UNITS):
        raise ValueError(f"{path}: units must lie in 0 ... {UNITS - 1}, got {units.min()} ... {units.max()}.")
    whole = float(np.floor(times.max(initial=0.0)) + 1.0)
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    data = EventDataset(times, units, offsets, labels, UNITS, max(whole, duration or 0.0), groups)
    return data if duration is None or duration >= whole else data.crop(0.0, duration)


def _read(path: Any, file: Any, name: str) -> np.ndarray:
    if name not in file:
        raise ValueError(f"{path}: there is no `{name}`; the file has {', '.join(file) or 'nothing'}.")
    return file[name][:]


def _joined(samples: np.ndarray) -> np.ndarray:
    return np.concatenate(list(samples)) if len(samples) else np.zeros(0, np.float32)
