"""Files as bytes, and errors that name them."""

import gzip
import zlib
from pathlib import Path


Location = str | Path


def existing(path: Location, kind: str = "file") -> Path:
    """The path of something that exists; `kind` is "file" or "folder"."""
    path = Path(path)
    if not (path.is_dir() if kind == "folder" else path.is_file()):
        raise FileNotFoundError(f"There is no {kind} {path}.")
    return path


def contents(path: Location) -> bytes:
    """What is in a file, unpacked if it is gzipped."""
    path = existing(path)
    raw = path.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: the gzipped data is broken ({error}).") from error
