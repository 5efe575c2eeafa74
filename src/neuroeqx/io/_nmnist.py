"""N-MNIST: handwritten digits before a moving event camera."""

from pathlib import Path

import numpy as np

from ._event_dataset import EventDataset
from ._files import existing, Location


SIDE = 34


def load_nmnist(folder: Location, duration: float | None = None) -> EventDataset:
    """The recordings of N-MNIST (Orchard et al. 2015) in `Train` or `Test`, a folder of `.bin` files for each digit.

    An event has 5 bytes: x, y, and a number of 24 bits, big-endian, with the polarity (1: brighter) in the highest and the time
    in us in the others. Labels are the digits; the group `file` has the name of each file, without its ending.

    **Arguments:**

    - `folder`: with the folders `0` ... `9`, or some of them.
    - `duration`: ms; later events are left out. If `None`, the least number of whole ms with all events.

    **Returns:** a dataset of shape `(2, 34, 34)`: polarity (0: darker, 1: brighter), y, x.
    """
    folder = existing(folder, "folder")
    files = [path for digit in range(10) for path in sorted((folder / str(digit)).glob("*.bin"))]
    if not files:
        raise FileNotFoundError(f"{folder}: there are no files `0/*.bin` ... `9/*.bin`.")
    events = [_events(path) for path in files]
    times, units = (np.concatenate(parts) for parts in zip(*events, strict=True))
    whole = float(np.floor(times.max(initial=0.0)) + 1.0)
    data = EventDataset(
        times,
        units,
        offsets=np.concatenate([[0], np.cumsum([len(t) for t, _ in events], dtype=np.int64)]),
        labels=[int(path.parent.name) for path in files],
        shape=(2, SIDE, SIDE),
        duration=max(whole, duration or 0.0),
        groups={"file": [path.stem for path in files]},
    )
    return data if duration is None or duration >= whole else data.crop(0.0, duration)


def _events(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times, ms, and units of one recording."""
    raw = np.fromfile(path, np.uint8)
    if raw.size % 5:
        raise ValueError(f"{path}: {raw.size} bytes are no whole number of events of 5 bytes.")
    x, y, high, middle, low = raw.reshape(-1, 5).astype(np.int32).T
    outside = (x >= SIDE) | (y >= SIDE)
    if outside.any():
        i = int(outside.argmax())
        raise ValueError(f"{path}: event {i} is at x = {x[i]}, y = {y[i]}, outside of {SIDE} x {SIDE} pixels.")
    microseconds = (high & 0x7F) << 16 | middle << 8 | low
    return (microseconds / 1000.0).astype(np.float32), ((high >> 7) * SIDE + y) * SIDE + x
