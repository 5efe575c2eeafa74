"""What follows from the shapes of arguments alone, remembered."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.tree_util as jtu
import numpy as np


@dataclasses.dataclass(frozen=True)
class Form:
    """The structure of arguments.

    - `tree`: of all leaves.
    - `leaves`: of an array its shape and dtype; any other leaf itself, after its type, for 1 == 1.0 == True.
    - `x64`: whether 64 bits were enabled, on which depends what numbers and new arrays become.
    """

    tree: Any
    leaves: tuple[tuple[Any, Any], ...]
    x64: bool

    @property
    def last(self) -> int:
        """How many arrays are in the last of the arguments."""
        own = self.tree.children()[-1].num_leaves
        return sum(kind is _ARRAY for kind, _ in self.leaves[len(self.leaves) - own :])

    @property
    def shapes(self) -> list[jax.ShapeDtypeStruct]:
        """Those of the arrays."""
        return [jax.ShapeDtypeStruct(*leaf) for kind, leaf in self.leaves if kind is _ARRAY]

    def of(self, arrays: Iterable[Any]) -> Any:
        """The arguments with these arrays."""
        rest = iter(arrays)
        return self.tree.unflatten([next(rest) if kind is _ARRAY else leaf for kind, leaf in self.leaves])

    def abstract(self) -> Any:
        """The arguments with a `jax.ShapeDtypeStruct` for each array."""
        return self.of(self.shapes)


_ARRAY = "array"


def form(args: Any) -> tuple[Form, list[Any]]:
    """The structure of arguments, and their arrays."""
    leaves, tree = jtu.tree_flatten(args)
    arrays, kinds = [], []
    for leaf in leaves:
        if isinstance(leaf, jax.Array | np.ndarray):
            arrays.append(leaf)
            kinds.append((_ARRAY, (leaf.shape, leaf.dtype)))
        else:
            kinds.append((type(leaf), leaf))
    return Form(tree, tuple(kinds), jax.config.read("jax_enable_x64")), arrays


def eval_shape(function: Callable[..., Any], *args: Any) -> Any:
    """As `eqx.filter_eval_shape`, but a second call with arguments of the same structure does not trace again.

    Checking a network by tracing its step takes as long as thousands of steps of it, so a check that is made at each
    call must be remembered.

    **Arguments:**

    - `function`: hashable, so not defined anew for each call.
    """
    return _eval_shape(function, form(args)[0])


@functools.lru_cache(maxsize=256)
def _eval_shape(function: Callable[..., Any], args: Form) -> Any:
    return eqx.filter_eval_shape(function, *args.abstract())
