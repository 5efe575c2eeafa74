"""Files in the IDX format of MNIST and Fashion-MNIST."""

import gzip
from pathlib import Path

import numpy as np


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an IDX file of bytes (`train-images-idx3-ubyte`), compressed by gzip or not.

    The format: two zero bytes, the type (8: unsigned bytes), the number of axes, the length of each in four bytes (the highest
    first), then the values, the last axis fastest.

    **Errors:** `ValueError` if the file is none of these.
    """
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError(
            f"{path}: not an IDX file of unsigned bytes, which begins with 00 00 08, but {raw[:4].hex(' ')}."
        )
    axes = raw[3]
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", axes, 4))
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
    if values.size != np.prod(shape):
        raise ValueError(f"{path}: its header says shape {shape}, but there are {values.size} values.")
    return values.reshape(shape)
