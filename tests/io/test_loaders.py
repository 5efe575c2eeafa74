"""Loaders against files in their formats, written here field by field, and their errors."""

import builtins
import gzip
import struct

import h5py
import neuroeqx as nex
import numpy as np
import pytest


def events(dataset, i):
    """The times and units of one sample."""
    part = slice(dataset.offsets[i], dataset.offsets[i + 1])
    return dataset.times[part], dataset.units[part]


# -- IDX -----------------------------------------------------------------------------------------------------------------------


def idx_bytes(code, fmt, shape, values):
    header = bytes([0, 0, code, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    return header + b"".join(struct.pack(">" + fmt, x) for x in values)


def test_idx_of_every_type(tmp_path):
    kinds = [
        (0x08, "B", np.uint8), (0x09, "b", np.int8), (0x0B, "h", np.int16),
        (0x0C, "i", np.int32), (0x0D, "f", np.float32), (0x0E, "d", np.float64),
    ]  # fmt: skip
    for code, fmt, dtype in kinds:
        values = [1, 2, 100, 4, 5, 6] if fmt in "Bf" else [1, -2, 100, 4, -5, 6]
        path = tmp_path / "x.idx"
        path.write_bytes(idx_bytes(code, fmt, (2, 3), values))
        x = nex.io.load_idx(path)
        assert x.dtype == dtype
        assert x.dtype.isnative
        np.testing.assert_array_equal(x, np.array(values, dtype).reshape(2, 3))


def write_mnist(folder, images, labels, split="t10k", pack=True):
    for name, array in ((f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)):
        raw = idx_bytes(0x08, "B", array.shape, array.reshape(-1).tolist())
        (folder / (name + ".gz" * pack)).write_bytes(gzip.compress(raw, mtime=0) if pack else raw)


def test_mnist_packed_and_unpacked(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (7, 4, 3)), rng.integers(0, 10, 7)
    write_mnist(tmp_path, images, labels)
    write_mnist(tmp_path, images[:5], labels[:5], "train", pack=False)
    test, train = nex.io.load_mnist(tmp_path, "test"), nex.io.load_mnist(str(tmp_path), "train")
    np.testing.assert_array_equal(test.images, images)
    np.testing.assert_array_equal(test.labels, labels)
    np.testing.assert_array_equal(train.images, images[:5])
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int32)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "x.gz: not an IDX file; it begins with nothing"),
        (b"\x00\x00\x07\x01", "x.gz: not an IDX file; it begins with 00000701"),
        (b"\x00\x00\x08\x03\x00\x00\x00\x05", "x.gz: the file ends within its header of 3 axes"),
        (idx_bytes(0x08, "B", (2, 3), range(5)), r"x.gz: an array of shape \(2, 3\) makes 18 bytes, the file has 17"),
        (gzip.compress(idx_bytes(0x08, "B", (2, 3), range(6)), mtime=0)[:-12], "x.gz: the gzipped data is broken"),
        (gzip.compress(bytes(100), mtime=0)[:10] + b"\xff" * 9, "x.gz: the gzipped data is broken"),
    ],
)
def test_broken_idx(tmp_path, raw, message):
    (tmp_path / "x.gz").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        nex.io.load_idx(tmp_path / "x.gz")


def test_broken_mnist(tmp_path):
    with pytest.raises(ValueError, match="`split` must be 'train' or 'test', got 'valid'"):
        nex.io.load_mnist(tmp_path, "valid")
    with pytest.raises(FileNotFoundError, match="There is no file .*t10k-images-idx3-ubyte"):
        nex.io.load_mnist(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="There is no folder .*nowhere"):
        nex.io.load_mnist(tmp_path / "nowhere", "test")
    write_mnist(tmp_path, np.zeros((3, 2, 2), int), np.zeros(2, int))
    with pytest.raises(ValueError, match="labels-idx1-ubyte.gz: 2 labels for 3 images"):
        nex.io.load_mnist(tmp_path, "test")
    write_mnist(tmp_path, np.zeros((3, 4), int), np.zeros(3, int))
    with pytest.raises(ValueError, match="expected bytes along 3 axes, got uint8 of shape"):
        nex.io.load_mnist(tmp_path, "test")


# -- spoken digits -------------------------------------------------------------------------------------------------------------


def spoken(samples=12):
    rng = np.random.default_rng(1)
    bits = rng.random((samples, 6, 80)) < 0.1
    # Each byte by hand: the first unit in the highest bit.
    packed = (bits.reshape(samples, 6, 10, 8) * 2 ** np.arange(7, -1, -1)).sum(-1).astype(np.uint8)
    index = np.arange(samples, dtype=np.uint8)
    speaker = np.array(["ann", "bob", "eve"])[index % 3]
    return bits, {"X": packed, "y": rng.integers(0, 10, samples).astype(np.uint8), "speaker": speaker, "index": index}


def test_spoken_digits(tmp_path):
    bits, arrays = spoken()
    np.savez_compressed(tmp_path / "events.npz", **arrays)
    x = nex.io.load_spoken_digits(tmp_path)
    assert (x.shape, x.duration, len(x)) == ((2, 40), 60.0, 12)
    np.testing.assert_array_equal(x.bin(10.0), bits)
    np.testing.assert_array_equal(x.labels, arrays["y"])
    np.testing.assert_array_equal(x.groups["speaker"], arrays["speaker"])
    test = nex.io.load_spoken_digits(tmp_path / "events.npz", "test")
    np.testing.assert_array_equal(test.groups["index"], range(5))
    np.testing.assert_array_equal(test.bin(10.0), bits[:5])
    np.testing.assert_array_equal(nex.io.load_spoken_digits(tmp_path, "train").bin(10.0), bits[5:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speaker": None}, "events.npz: not a file of spoken digits: it has no array 'speaker'; it has X, y, index"),
        ({"X": np.zeros((12, 6, 80), bool)}, r"events.npz: `X` must be bytes \[samples, bins, units / 8\], got bool"),
        ({"y": np.zeros(11, np.uint8)}, r"events.npz: `y` must have shape \(12,\), one for each sample, got \(11,\)"),
        (
            {"speaker": np.array([object()] * 12)},
            "events.npz: not a file of spoken digits: Object arrays cannot be loaded",
        ),
    ],
)
def test_broken_spoken_digits(tmp_path, change, message):
    arrays = {name: x for name, x in {**spoken()[1], **change}.items() if x is not None}
    np.savez(tmp_path / "events.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        nex.io.load_spoken_digits(tmp_path)


def test_spoken_digits_that_are_no_archive(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*events.npz"):
        nex.io.load_spoken_digits(tmp_path)
    np.savez(tmp_path / "events.npz", **spoken()[1])
    (tmp_path / "events.npz").write_bytes((tmp_path / "events.npz").read_bytes()[:400])
    with pytest.raises(ValueError, match="events.npz: not a file of spoken digits"):
        nex.io.load_spoken_digits(tmp_path)
    with pytest.raises(ValueError, match="`split` must be 'train', 'test' or None, got 'all'"):
        nex.io.load_spoken_digits(tmp_path, "all")


# -- Heidelberg datasets -------------------------------------------------------------------------------------------------------

SHD = {"times": [[0.0, 0.7, 1.25], [], [0.0078125]], "units": [[3, 699, 3], [], [0]], "labels": [4, 0, 19]}


def write_shd(path, times, units, labels, speakers=None):
    with h5py.File(path, "w") as file:
        for name, dtype, samples in (("times", np.float16, times), ("units", np.uint16, units)):
            data = file.create_dataset(f"spikes/{name}", (len(samples),), h5py.vlen_dtype(dtype))
            for i, x in enumerate(samples):
                data[i] = np.array(x, dtype)
        file["labels"] = np.array(labels, np.uint8)
        if speakers is not None:
            file["extra/speaker"] = np.array(speakers, np.uint16)


def test_shd(tmp_path):
    path = tmp_path / "shd_test.h5"
    write_shd(path, **SHD, speakers=[2, 11, 2])
    x = nex.io.load_shd(path)
    assert (x.shape, x.duration) == ((700,), 1251.0)
    np.testing.assert_array_equal(events(x, 0), [[0.0, 700.1953125, 1250.0], [3, 699, 3]])
    np.testing.assert_array_equal(events(x, 1), np.zeros((2, 0)))
    np.testing.assert_array_equal(events(x, 2), [[7.8125], [0]])
    np.testing.assert_array_equal(x.labels, [4, 0, 19])
    assert len(x.where(speaker=2)) == 2
    assert nex.io.load_shd(path, duration=1400.0).bin(10.0).shape == (3, 140, 700)
    short = nex.io.load_shd(path, duration=500.0)
    np.testing.assert_array_equal(short.counts, [1, 0, 1])
    assert short.duration == 500.0
    write_shd(path, **SHD)
    assert nex.io.load_shd(path).groups == {}


def test_broken_shd(tmp_path, monkeypatch):
    path = tmp_path / "shd.h5"
    with pytest.raises(FileNotFoundError, match="There is no file .*shd.h5"):
        nex.io.load_shd(path)
    path.write_bytes(b"spikes")
    with pytest.raises(ValueError, match=r"shd.h5: not an HDF5 file \("):
        nex.io.load_shd(path)
    path.write_bytes(gzip.compress(b"spikes", mtime=0))
    with pytest.raises(ValueError, match="shd.h5: not an HDF5 file but a gzipped one: unpack it"):
        nex.io.load_shd(path)
    with h5py.File(path, "w") as file:
        file["spikes/times"] = [0.0]
    with pytest.raises(ValueError, match="shd.h5: there is no `spikes/units`; the file has spikes"):
        nex.io.load_shd(path)
    for change, message in (
        ({"units": [[3, 699], [], [0]]}, "samples with unlike numbers"),
        ({"labels": [4, 0]}, "3 samples of times, 3 of units and 2 labels"),
        ({"units": [[3, 700, 3], [], [0]]}, r"units must lie in 0 ... 699, got 0 ... 700"),
        ({"times": [[0.0, np.nan, 1.0], [], [0.0]]}, "times must be finite"),
    ):
        write_shd(path, **{**SHD, **change})
        with pytest.raises(ValueError, match=f"shd.h5: .*{message}"):
            nex.io.load_shd(path)
    plain = builtins.__import__

    def without(name, *rest):
        if name == "h5py":
            raise ImportError("No module named 'h5py'")
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "neuroeqx\[data\]"'):
        nex.io.load_shd(path)


# -- N-MNIST -------------------------------------------------------------------------------------------------------------------


def nmnist_event(x, y, brighter, microseconds):
    return (x << 32 | y << 24 | brighter << 23 | microseconds).to_bytes(5, "big")


def test_nmnist(tmp_path):
    recordings = {
        ("0", "00002"): [(0, 0, 0, 0), (33, 33, 1, 300_001)],
        ("7", "00001"): [(5, 9, 1, 999)],
        ("7", "00010"): [],
    }
    for (digit, name), listed in recordings.items():
        (tmp_path / digit).mkdir(exist_ok=True)
        (tmp_path / digit / f"{name}.bin").write_bytes(b"".join(nmnist_event(*e) for e in listed))
    x = nex.io.load_nmnist(tmp_path)
    assert (x.shape, x.duration) == ((2, 34, 34), 301.0)
    np.testing.assert_array_equal(x.labels, [0, 7, 7])
    np.testing.assert_array_equal(x.groups["file"], ["00002", "00001", "00010"])
    np.testing.assert_array_equal(x.times, np.float32([0.0, 300.001, 0.999]))
    frames = x.bin(301.0)[:, 0].reshape(3, 2, 34, 34)
    assert frames.sum() == 3.0
    assert frames[0, 0, 0, 0] == frames[0, 1, 33, 33] == frames[1, 1, 9, 5] == 1.0
    np.testing.assert_array_equal(nex.io.load_nmnist(tmp_path, duration=100.0).counts, [1, 1, 0])
    # The last time that 23 bits hold.
    (tmp_path / "7" / "00001.bin").write_bytes(nmnist_event(1, 2, 0, 2**23 - 1))
    assert nex.io.load_nmnist(tmp_path).times.max() == np.float32(8388.607)


def test_broken_nmnist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there are no files `0/\*.bin` ... `9/\*.bin`"):
        nex.io.load_nmnist(tmp_path)
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "a.bin").write_bytes(nmnist_event(1, 2, 0, 3) + b"\0")
    with pytest.raises(ValueError, match="a.bin: 6 bytes are no whole number of events of 5 bytes"):
        nex.io.load_nmnist(tmp_path)
    (tmp_path / "3" / "a.bin").write_bytes(nmnist_event(1, 2, 0, 3) + nmnist_event(2, 34, 0, 3))
    with pytest.raises(ValueError, match="a.bin: event 1 is at x = 2, y = 34, outside of 34 x 34 pixels"):
        nex.io.load_nmnist(tmp_path)


# -- DVS128 Gesture ------------------------------------------------------------------------------------------------------------

HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def packet(listed, overflows=0, kind=1, size=8):
    """A packet of (time in us, x, y, brighter, valid)."""
    head = struct.pack("<hhiiiiii", kind, 1, size, 4, overflows, len(listed), len(listed), sum(e[4] for e in listed))
    return head + b"".join(struct.pack("<II", v | p << 1 | y << 2 | x << 17, t) for t, x, y, p, v in listed)


def test_aedat_and_gestures(tmp_path):
    first = [(100, 0, 0, 0, 1), (1_200, 127, 0, 1, 1), (1_300, 1, 1, 1, 0), (5_099, 3, 127, 0, 1), (5_100, 9, 9, 1, 1)]
    special = packet([(1, 4, 4, 0, 1)], kind=0)
    late = packet([(7, 10, 20, 1, 1)], overflows=2)
    (tmp_path / "user03_led.aedat").write_bytes(HEADER + packet(first[:2]) + special + packet(first[2:]) + late)
    x = nex.io.load_aedat(tmp_path / "user03_led.aedat")
    np.testing.assert_array_equal(x.times, [100, 1_200, 5_099, 5_100, 2 * 2**31 + 7])
    np.testing.assert_array_equal(x.x, [0, 127, 3, 9, 10])
    np.testing.assert_array_equal(x.y, [0, 0, 127, 9, 20])
    np.testing.assert_array_equal(x.brighter, [False, True, False, True, True])

    (tmp_path / "user12_lab.aedat").write_bytes(HEADER)
    (tmp_path / "user03_led_labels.csv").write_text("class,startTime_usec,endTime_usec\n11,100,5100\n1,5100,9000\n")
    (tmp_path / "user12_lab_labels.csv").write_text("class,startTime_usec,endTime_usec\n2,0,10\n")
    (tmp_path / "trials_to_train.txt").write_text("user03_led.aedat\nuser12_lab.aedat\n\n")
    data = nex.io.load_dvs_gesture(tmp_path, "train")
    assert (data.shape, data.duration) == ((2, 128, 128), 5.0)
    np.testing.assert_array_equal(data.labels, [10, 0, 1])
    np.testing.assert_array_equal(data.groups["user"], [3, 3, 12])
    np.testing.assert_array_equal(data.groups["light"], ["led", "led", "lab"])
    np.testing.assert_array_equal(data.counts, [3, 1, 0])
    np.testing.assert_allclose(data.times, [0.0, 1.1, 4.999, 0.0], rtol=1e-6)
    places = np.stack(np.unravel_index(data.units, data.shape), 1)
    np.testing.assert_array_equal(places, [[0, 0, 0], [1, 0, 127], [0, 127, 3], [1, 9, 9]])
    short = nex.io.load_dvs_gesture(tmp_path, "train", duration=1.1)
    np.testing.assert_array_equal(short.counts, [1, 1, 0])
    assert short.duration == 1.1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"#!AER-DAT2.0\r\n", "x.aedat: not an AEDAT 3.1 file; it begins with b'#!AER-DAT2.0'"),
        (b"#!AER-DAT3.1\r\n#Format: RAW\r\nabc", "x.aedat: its header has no end, the line #!END-HEADER"),
        (HEADER + bytes(20), "x.aedat: the file ends within the header of a packet, at byte 61"),
        (
            HEADER + packet([(1, 2, 3, 0, 1)] * 3)[:-1],
            "the packet at byte 61 says 3 events of 8 bytes, but 23 bytes are left",
        ),
        (HEADER + packet([(1, 2, 3, 0, 1)], size=4), "a polarity event has 8 bytes, the packet before byte 89 says 4"),
        (HEADER + packet([(1, 2, 3, 0, 1)], size=0), "the packet at byte 61 says 1 events of 0 bytes"),
    ],
)
def test_broken_aedat(tmp_path, raw, message):
    (tmp_path / "x.aedat").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        nex.io.load_aedat(tmp_path / "x.aedat")


def test_broken_gestures(tmp_path):
    def refused(error, message, split="train"):
        with pytest.raises(error, match=message):
            nex.io.load_dvs_gesture(tmp_path, split)

    refused(ValueError, "`split` must be 'train' or 'test', got 'all'", "all")
    refused(FileNotFoundError, "There is no file .*trials_to_train.txt")
    (tmp_path / "trials_to_train.txt").write_text("\n")
    refused(ValueError, "trials_to_train.txt: it names no recording")
    (tmp_path / "trials_to_train.txt").write_text("user1_led.aedat\n")
    refused(FileNotFoundError, "There is no file .*user1_led.aedat")
    (tmp_path / "user1_led.aedat").write_bytes(HEADER + packet([(1, 2, 128, 0, 1)]))
    refused(ValueError, "user1_led.aedat: an event at x = 2, y = 128, outside of 128 x 128 pixels")
    (tmp_path / "user1_led.aedat").write_bytes(HEADER + packet([(1, 2, 3, 0, 1)]))
    refused(FileNotFoundError, "There is no file .*user1_led_labels.csv")
    for text, message in (
        ("1,2\n", r"user1_led_labels.csv, line 1: expected class, start and end in us, got \['1', '2'\]"),
        ("class,a,b\n12,1,2\n", "user1_led_labels.csv, line 2: expected a class in 1 ... 11"),
        ("class,a,b\n", "trials_to_train.txt: the recordings it names have no samples"),
    ):
        (tmp_path / "user1_led_labels.csv").write_text(text)
        refused(ValueError, message)
    (tmp_path / "trials_to_train.txt").write_text("someone.aedat\n")
    (tmp_path / "someone.aedat").write_bytes(HEADER)
    refused(ValueError, "someone.aedat: the name must be like user01_fluorescent.aedat")
