"""DVS128 Gesture: hands and arms before an event camera, in AEDAT 3.1 files."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from ._event_dataset import EventDataset
from ._files import existing, Location


SIDE = 128
CLASSES = 11
_HEADER = np.dtype([("type", "<i2"), ("source", "<i2"), ("size", "<i4"), ("ts_offset", "<i4"), ("ts_overflow", "<i4"),
                    ("capacity", "<i4"), ("number", "<i4"), ("valid", "<i4")])  # fmt: skip
_POLARITY = 1  # the type of packets of polarity events


class AedatEvents(NamedTuple):
    """Polarity events in the order of the file, `[events]` each: `times` in us, pixels `x` and `y`, whether it got brighter."""

    times: Int[np.ndarray, " events"]
    x: Int[np.ndarray, " events"]
    y: Int[np.ndarray, " events"]
    brighter: Bool[np.ndarray, " events"]


def load_aedat(path: Location) -> AedatEvents:
    """The valid polarity events of an AEDAT 3.1 file; packets of other events are passed over.

    After lines that begin with `#`, of which the last is `#!END-HEADER`, come packets: 28 bytes (type, source, size of an
    event, offset and overflows of its time stamp, capacity, number of events, number of valid ones) and the events, all
    little-endian. A polarity event has 4 bytes of data (from the lowest: 1 bit valid, 1 bit polarity, 15 bits y, 15 bits x)
    and 4 of time in us, to which each overflow adds 2^31.
    """
    path = existing(path)
    raw = path.read_bytes()
    place = _end_of_header(path, raw)
    words, overflows = [], []
    while place < len(raw):
        if len(raw) - place < _HEADER.itemsize:
            raise ValueError(f"{path}: the file ends within the header of a packet, at byte {place}.")
        packet = np.frombuffer(raw, _HEADER, 1, place)[0]
        size, number = int(packet["size"]), int(packet["number"])
        place += _HEADER.itemsize
        if size < 1 or not 0 <= number <= (len(raw) - place) // size:
            raise ValueError(
                f"{path}: the packet at byte {place - _HEADER.itemsize} says {number} events of {size} bytes, but "
                f"{len(raw) - place} bytes are left."
            )
        if packet["type"] == _POLARITY:
            if size != 8:
                raise ValueError(f"{path}: a polarity event has 8 bytes, the packet before byte {place} says {size}.")
            words.append(np.frombuffer(raw, "<u4", 2 * number, place).reshape(-1, 2))
            overflows.append(np.full(number, packet["ts_overflow"], np.int64))
        place += size * number
    data, stamps = (np.concatenate(words) if words else np.zeros((0, 2), np.uint32)).T
    valid = (data & 1) == 1
    data = data[valid].astype(np.int64)
    times = (stamps[valid].astype(np.int64) + (np.concatenate(overflows)[valid] << 31)) if words else data
    return AedatEvents(times, data >> 17, data >> 2 & 0x7FFF, (data >> 1 & 1) == 1)


def load_dvs_gesture(folder: Location, split: str, duration: float | None = None) -> EventDataset:
    """DVS128 Gesture (Amir et al. 2017).

    For `user01_fluorescent.aedat` there is `user01_fluorescent_labels.csv`, with a line `class,startTime_usec,endTime_usec`
    for each sample. Labels are the classes, which begin with 1 there and with 0 here. The groups are `user` (a number)
    and `light`.

    **Arguments:**

    - `folder`: with `trials_to_train.txt`, `trials_to_test.txt` and the recordings that they name.
    - `split`: `"train"` or `"test"`.
    - `duration`: ms; later events of a sample are left out. If `None`, the least number of whole ms with all events. (The
        gestures differ in length, from 2 to 18 s, and all 122 recordings take gigabytes: give one.)

    **Returns:** a dataset of shape `(2, 128, 128)`: polarity (0: darker, 1: brighter), y, x.
    """
    if split not in ("train", "test"):
        raise ValueError(f"load_dvs_gesture: `split` must be 'train' or 'test', got {split!r}.")
    listed = existing(existing(folder, "folder") / f"trials_to_{split}.txt")
    names = [line.strip() for line in listed.read_text().splitlines() if line.strip()]
    if not names:
        raise ValueError(f"{listed}: it names no recording.")
    times, units, labels, groups = [], [], [], {"user": [], "light": []}
    for name in names:
        path = existing(listed.parent / name)
        user, light = _conditions(path)
        events = load_aedat(path)
        outside = (events.x >= SIDE) | (events.y >= SIDE)
        if outside.any():
            i = int(outside.argmax())
            raise ValueError(
                f"{path}: an event at x = {events.x[i]}, y = {events.y[i]}, outside of {SIDE} x {SIDE} pixels."
            )
        flat = ((events.brighter * SIDE + events.y) * SIDE + events.x).astype(np.int32)
        for label, start, stop in _trials(path.with_name(f"{path.stem}_labels.csv")):
            if duration is not None:
                stop = min(stop, start + round(duration * 1000.0))
            inside = (events.times >= start) & (events.times < stop)
            times.append(((events.times[inside] - start) / 1000.0).astype(np.float32))
            units.append(flat[inside])
            labels.append(label)
            groups["user"].append(user)
            groups["light"].append(light)
    if not labels:
        raise ValueError(f"{listed}: the recordings it names have no samples.")
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in times], dtype=np.int64)])
    joined = np.concatenate(times)
    whole = float(np.floor(joined.max(initial=0.0)) + 1.0)
    return EventDataset(
        joined, np.concatenate(units), offsets, labels, (2, SIDE, SIDE), whole if duration is None else duration, groups
    )


def _end_of_header(path: Path, raw: bytes) -> int:
    if not raw.startswith(b"#!AER-DAT3.1"):
        raise ValueError(f"{path}: not an AEDAT 3.1 file; it begins with {raw[:12]!r}.")
    place = 0
    while raw[place : place + 1] == b"#":
        end = raw.find(b"\n", place)
        if end < 0:
            break
        line, place = raw[place:end], end + 1
        if line.startswith(b"#!END-HEADER"):
            return place
    raise ValueError(f"{path}: its header has no end, the line #!END-HEADER.")


def _conditions(path: Path) -> tuple[int, str]:
    """The number of the user and the kind of light, from the name of a file."""
    user, _, light = path.stem.partition("_")
    if not (user.startswith("user") and user[4:].isdigit() and light):
        raise ValueError(f"{path}: the name must be like user01_fluorescent.aedat.")
    return int(user[4:]), light


def _trials(path: Path) -> list[tuple[int, int, int]]:
    """Label, beginning and end (us) of every sample of a recording."""
    trials = []
    with existing(path).open(newline="") as file:
        for i, row in enumerate(csv.reader(file), start=1):
            if i == 1 and row and row[0].strip() == "class":
                continue
            try:
                label, start, stop = (int(x) for x in row)
            except ValueError as error:
                raise ValueError(f"{path}, line {i}: expected class, start and end in us, got {row}.") from error
            if not (1 <= label <= CLASSES and start < stop):
                raise ValueError(
                    f"{path}, line {i}: expected a class in 1 ... {CLASSES} and start before end, got {row}."
                )
            trials.append((label - 1, start, stop))
    return trials
