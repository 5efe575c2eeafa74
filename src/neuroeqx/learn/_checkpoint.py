"""Files that hold a pytree: written as a whole or not at all, and read into a pytree of the same form only."""

import io
import json
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ._structure import describe, difference, dtype_name, is_key, is_stored


MAGIC = b"neuroeqx checkpoint\n"
VERSION = 1


class Contents(NamedTuple):
    """What a file holds besides the tree: notes (JSON) and named NumPy arrays."""

    tree: Any
    notes: dict[str, Any]
    arrays: dict[str, np.ndarray]


def save(path: str | os.PathLike, tree: Any) -> None:
    """Write the arrays of a pytree (a model, a dictionary of several things) into one file, bit for bit.

    The file is complete or not there: it is written under another name beside it, forced to the disk, and renamed, so that
    whatever happens meanwhile, a file that was there before stays whole. With the arrays goes a description of the tree:
    its classes, static fields, shapes, dtypes and plain values.

    **Arguments:**

    - `path`: the file; its folder must be there.
    - `tree`: any pytree. Arrays of NumPy and JAX are stored, typed keys included; other leaves are described.
    """
    write(path, tree, {}, {})


def load(path: str | os.PathLike, like: Any) -> Any:
    """Read what `save` wrote.

    **Arguments:**

    - `path`: the file.
    - `like`: a pytree of the same form, made as the one that was saved. Its arrays may have any values; its leaves that are no
        arrays (functions) are those of the result.

    **Returns:** `like` with the arrays of the file.

    **Errors:** `ValueError` if the file is not complete, was written in another version of the format (a newer or older one
    is refused, and never guessed at), or holds a tree of another form: the message names the first leaf that differs.
    """
    return read(path, like).tree


def write(path: str | os.PathLike, tree: Any, notes: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """As `save`, with notes and named arrays."""
    body = io.BytesIO()
    for leaf in jtu.tree_leaves(tree):
        if is_stored(leaf):
            body.write(np.ascontiguousarray(_bits(leaf)).tobytes())
    for x in arrays.values():
        body.write(np.ascontiguousarray(x).tobytes())
    header = {
        "structure": describe(tree),
        "notes": notes,
        "arrays": {name: [dtype_name(x), list(x.shape)] for name, x in arrays.items()},
    }
    head = json.dumps(header).encode()
    content = body.getbuffer()
    sums = zlib.crc32(content, zlib.crc32(head))
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    with open(beside, "wb") as file:
        file.write(MAGIC)
        for number in (VERSION, len(head), len(content), sums):
            file.write(number.to_bytes(8, "little"))
        file.write(head)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    _sync_folder(path.parent)


def read(path: str | os.PathLike, like: Any) -> Contents:
    """As `load`, with notes and named arrays."""
    whole = Path(path).read_bytes()
    start = len(MAGIC)
    if not whole.startswith(MAGIC):
        raise ValueError(f"load: {path} is no file of nex.learn.save.")
    version, head_size, size, sums = (
        int.from_bytes(whole[start + 8 * i : start + 8 * i + 8], "little") for i in range(4)
    )
    if version != VERSION:
        raise ValueError(
            f"load: {path} is in version {version} of the format; this version of neuroeqx reads and writes {VERSION}. Read it "
            "with the version that wrote it."
        )
    start += 32
    if len(whole) != start + head_size + size or zlib.crc32(memoryview(whole)[start:]) != sums:
        raise ValueError(f"load: {path} is damaged: its length or its checksum is not that with which it was written.")
    header = json.loads(whole[start : start + head_size])
    differs = difference(header["structure"], describe(like))
    if differs is not None:
        raise ValueError(f"load: what is in {path} is of another form than `like`: {differs}.")
    return _unpacked(memoryview(whole)[start + head_size :], header, like)


def _unpacked(body: memoryview, header: dict[str, Any], like: Any) -> Contents:
    place = 0

    def next_array(dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
        nonlocal place
        begin, place = place, place + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return np.frombuffer(body[begin:place], dtype).reshape(shape).copy()

    def restored(leaf: Any) -> Any:
        if not is_stored(leaf):
            return leaf
        bits = _bits_like(leaf)
        found = next_array(bits.dtype, bits.shape)
        if is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(found), impl=jax.random.key_impl(leaf))
        return found if isinstance(leaf, np.ndarray) else jnp.asarray(found)

    tree = jtu.tree_map(restored, like)
    arrays = {name: next_array(jnp.dtype(dtype), tuple(shape)) for name, (dtype, shape) in header["arrays"].items()}
    return Contents(tree, header["notes"], arrays)


def _bits(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def _bits_like(leaf: Any) -> Any:
    return jax.eval_shape(jax.random.key_data, leaf) if is_key(leaf) else leaf


def _sync_folder(folder: Path) -> None:
    """Make a renaming last. Where folders cannot be opened (Windows), the system does it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
