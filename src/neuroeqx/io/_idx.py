"""IDX files, the format of MNIST and of its successors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num, UInt8

from ._files import contents, existing, Location


class Images(NamedTuple):
    """`images`: 0 ... 255, `[samples, rows, columns]`; `labels`: `[samples]`."""

    images: UInt8[np.ndarray, "samples rows columns"]
    labels: Int[np.ndarray, " samples"]


# By the third byte of a file.
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def load_idx(path: Location) -> Num[np.ndarray, "..."]:
    """The array of an IDX file, gzipped or not.

    Such a file begins with two zero bytes, the type, the number of axes, and their lengths in 4 bytes each; all numbers are
    big-endian. The result has the machine's byte order.
    """
    raw = contents(path)
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _DTYPES:
        raise ValueError(f"{path}: not an IDX file; it begins with {raw[:4].hex() or 'nothing'}.")
    dtype, axes = np.dtype(_DTYPES[raw[2]]), raw[3]
    if len(raw) < 4 + 4 * axes:
        raise ValueError(f"{path}: the file ends within its header of {axes} axes.")
    shape = tuple(np.frombuffer(raw, ">u4", axes, 4).tolist())
    expected = 4 + 4 * axes + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(raw) != expected:
        raise ValueError(f"{path}: an array of shape {shape} makes {expected} bytes, the file has {len(raw)}.")
    return np.frombuffer(raw, dtype, offset=4 + 4 * axes).reshape(shape).astype(dtype.newbyteorder("="))


def load_mnist(folder: Location, split: str) -> Images:
    """Images and labels in the files of MNIST, Fashion-MNIST and others under their names.

    **Arguments:**

    - `folder`: where `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`, `t10k-images-idx3-ubyte.gz` and
        `t10k-labels-idx1-ubyte.gz` are, or the same without `.gz`.
    - `split`: `"train"` or `"test"`.
    """
    if split not in ("train", "test"):
        raise ValueError(f"load_mnist: `split` must be 'train' or 'test', got {split!r}.")
    folder = existing(folder, "folder")
    prefix = {"train": "train", "test": "t10k"}[split]

    def found(name: str) -> Location:
        packed = folder / f"{name}.gz"
        return packed if packed.is_file() else existing(folder / name)

    images_file, labels_file = found(f"{prefix}-images-idx3-ubyte"), found(f"{prefix}-labels-idx1-ubyte")
    images, labels = load_idx(images_file), load_idx(labels_file)
    for path, array, axes in ((images_file, images, 3), (labels_file, labels, 1)):
        if array.ndim != axes or array.dtype != np.uint8:
            raise ValueError(f"{path}: expected bytes along {axes} axes, got {array.dtype} of shape {array.shape}.")
    if len(images) != len(labels):
        raise ValueError(f"{labels_file}: {len(labels)} labels for {len(images)} images in {images_file}.")
    return Images(images, labels.astype(np.int32))
