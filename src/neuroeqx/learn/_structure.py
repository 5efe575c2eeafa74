"""The form of a pytree in words, so that two can be compared and the first difference named."""

import dataclasses
import functools
import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np


def describe(tree: Any, path: str = "") -> list[list[str]]:
    """Every node and leaf in order, as (path, what it is): classes, static fields, shapes and dtypes, plain values."""
    if is_stored(tree):
        return [[path, f"{dtype_name(tree)}{list(tree.shape)}"]]
    # One level.
    children, _ = jtu.tree_flatten_with_path(tree, is_leaf=lambda x: x is not tree)
    if tree is None or [keys for keys, _ in children] == [()]:
        return [[path, _value(tree)]]
    words = [[path, _class(tree)]]
    if isinstance(tree, eqx.Module):
        for field in dataclasses.fields(tree):
            if field.metadata.get("static", False):
                words.append([f"{path}.{field.name}", _value(getattr(tree, field.name, None))])
    for keys, child in children:
        words += describe(child, path + jtu.keystr(keys))
    return words


def difference(found: list[list[str]], expected: list[list[str]]) -> str | None:
    """Where two descriptions differ first, in words."""
    for (there, a), (here, b) in zip(found, expected, strict=False):
        if there != here:
            return f"it has `{there}` where `{here}` is expected"
        if a != b:
            return f"its `{there}` is {a}, and {b} is expected"
    if len(found) > len(expected):
        return f"it has `{found[len(expected)][0]}`, which is not expected"
    if len(found) < len(expected):
        return f"it has no `{expected[len(found)][0]}`"
    return None


def is_stored(x: Any) -> bool:
    """Whether a leaf is an array, whose numbers are kept."""
    return eqx.is_array(x) or isinstance(x, np.ndarray)


def is_key(x: Any) -> bool:
    """Whether an array is one of typed keys."""
    return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def dtype_name(x: Any) -> str:
    return str(x.dtype) if is_key(x) else np.dtype(x.dtype).name


def _class(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}"


def _value(x: Any) -> str:
    """A leaf that is no array. Addresses are not part of what it is."""
    if isinstance(x, functools.partial):
        return f"partial of {_value(x.func)}"
    name = getattr(x, "__qualname__", None)
    if name is not None:
        return f"{getattr(x, '__module__', '')}.{name}"
    if x is None or isinstance(
        x, bool | int | float | complex | str | bytes | tuple | list | dict | frozenset | np.generic
    ):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(x))
    return _class(x)
