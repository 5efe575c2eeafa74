"""Spoken digits as packed events."""

import zipfile
from pathlib import Path

import numpy as np

from ._event_dataset import EventDataset
from ._files import existing, Location


BIN = 10.0  # ms
# The recordings that the authors of the Free Spoken Digit Dataset set aside, of each digit and speaker.
TEST = 5


def load_spoken_digits(path: Location, split: str | None = None) -> EventDataset:
    """The Free Spoken Digit Dataset as events of a mel spectrogram: onsets in 40 bands, then offsets in the same bands.

    The file holds the bits of `X` packed along units, `uint8[samples, bins, 10]` with the first unit in the highest bit, and
    `y`, `speaker` and `index`, `[samples]` each. A bin is 10 ms; an event has the time of the beginning of its bin. Labels are
    the digits; the groups are `speaker` (a name) and `index` (the number of the recording of that digit by that speaker).

    **Arguments:**

    - `path`: `events.npz`, or the folder it is in.
    - `split`: `"test"`: the official test set, recordings 0 to 4 of each digit and speaker; `"train"`: the others; all
        if `None`.

    **Returns:** a dataset of shape `(2, 40)`.
    """
    if split not in (None, "train", "test"):
        raise ValueError(f"load_spoken_digits: `split` must be 'train', 'test' or None, got {split!r}.")
    path = Path(path)
    path = existing(path / "events.npz" if path.is_dir() else path)
    packed, labels, speaker, index = _arrays(path)
    samples, bins, bytes_ = packed.shape
    sample, step, unit = np.nonzero(np.unpackbits(packed, axis=-1))
    data = EventDataset(
        times=step.astype(np.float32) * np.float32(BIN),
        units=unit,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=samples))]),
        labels=labels,
        shape=(2, 4 * bytes_),
        duration=bins * BIN,
        groups={"speaker": speaker, "index": index.astype(np.int32)},
    )
    return data if split is None else data.select((data.groups["index"] < TEST) == (split == "test"))


def _arrays(path: Path) -> list[np.ndarray]:
    names = ("X", "y", "speaker", "index")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise ValueError(f"it has no array {missing[0]!r}; it has {', '.join(file.files) or 'none'}")
            arrays = [file[name] for name in names]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a file of spoken digits: {error}.") from error
    packed, *rest = arrays
    if packed.ndim != 3 or packed.dtype != np.uint8:
        raise ValueError(f"{path}: `X` must be bytes [samples, bins, units / 8], got {packed.dtype} of {packed.shape}.")
    for name, values in zip(names[1:], rest, strict=True):
        if values.shape != packed.shape[:1]:
            raise ValueError(
                f"{path}: `{name}` must have shape {packed.shape[:1]}, one for each sample, got {values.shape}."
            )
    return arrays
