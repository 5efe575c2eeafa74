"""Shapes of results without computing them, remembered."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import equinox.internal as eqxi
import jax


def eval_shape(function: Callable[..., Any], *args: Any) -> Any:
    """As `eqx.filter_eval_shape`, but a second call with arguments of the same structure does not trace again.

    Checking a network by tracing its step takes as long as thousands of steps of it, so a check that is made at each
    call must be remembered.

    **Arguments:**

    - `function`: hashable, so not defined anew for each call.
    """
    arrays, static = eqxi.hashable_partition(args, eqx.is_array)
    return _eval_shape(function, static, tuple(None if x is None else (x.shape, x.dtype) for x in arrays))


@functools.lru_cache(maxsize=256)
def _eval_shape(function: Callable[..., Any], static: Any, avals: tuple[Any, ...]) -> Any:
    arrays = [None if aval is None else jax.ShapeDtypeStruct(*aval) for aval in avals]
    args = eqxi.hashable_combine(arrays, static)
    return eqx.filter_eval_shape(function, *args)
