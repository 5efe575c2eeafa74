"""Lowering of the procedural products to the Triton kernels."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _triton
from .._triton import ceil_div, launch, like, power_of_two
from .._triton_row_calls import add_exactly
from ._law import Law


_PROGRAMS = 1024  # as many as keep a large GPU busy
_TILE = 512  # draws that a program makes at a time
_GAPS = 64  # draws of a row at a time where their number is not known
_SHARE = 8  # times as many draws of a row after which a further program takes part in it
_LARGEST = 8.0  # above any normal deviate


def _kernels():
    return _triton.kernels(".procedural._triton_kernels")


class _Launch:
    """How the rows of a law are divided among programs."""

    def __init__(self, law: Law, members: int, listed: bool):
        self.draws = _GAPS if law.k is None else power_of_two(law.k, 32, 128)
        self.tile = _TILE // self.draws
        self.chunks = 1 if law.k is None else ceil_div(law.k, _SHARE * self.draws)
        self.rows = self.tile if listed else power_of_two(ceil_div(law.n_pre * members, _PROGRAMS), 16, 128)
        self.groups = ceil_div(law.n_pre, self.rows)
        if listed:
            self.groups = min(self.groups, ceil_div(_PROGRAMS, members))
        self.programs = self.groups * self.chunks * members

    @property
    def constants(self) -> dict[str, Any]:
        log2 = self.rows.bit_length() - 1
        return {"ROWS": self.rows, "LOG2": log2, "TILE": self.tile, "DRAWS": self.draws}


def _members(vector):
    return 1 if vector.ndim == 1 else vector.shape[0]


def _operands(law: Law, structure, size):
    """The arrays and the numbers of a law; those that it has not are not read."""
    tables = law.operands(structure)
    arrays = [tables.seed if array is None else array for array in tables]
    low, high = law.delays or (1, 1)
    if law.grid is None:
        arrays += [tables.seed] * 2
    else:
        arrays += [jnp.asarray(_centres(*axis)) for axis in zip(law.grid.pre, law.grid.post, strict=True)]
    return arrays, [law.n_pre, size, law.n_post, law.width, law.k or 0, low, high - low + 1]


def _centres(pre: int, post: int):
    """The targets that sources on one axis are opposite of."""
    return ((2 * np.arange(pre, dtype=np.int64) + 1) * post // (2 * pre)).astype(np.int32)


def _flags(law: Law, structure) -> dict[str, Any]:
    return {
        "DIGITS": law.digits,
        "WEIGHTS": ("constant", "uniform", "normal").index(law.weights),
        "AUTAPSES": law.autapses,
        "DELAYED": law.delays is not None,
        "GRID": law.grid is not None,
        "SIDES": (0,) * 5 if law.grid is None else (law.grid.pre[1], *law.grid.post, *law.grid.radius),
        "PERIODIC": law.grid is not None and law.grid.periodic,
        "TURNED": law.operands(structure).offset is not None,
    }


def add_matvec(out, weight, x, *structure, active, event, law):
    del event  # the kernel skips what is silent, in any case
    if law.empty or 0 in (out.size, x.size):
        return out
    shape = _Launch(law, _members(x), active is not None)
    arrays, numbers = _operands(law, structure, out.shape[-1])
    ids, count = active or (x, x)
    fixed = _triton.deterministic()

    def add(target, exponent):
        return launch(
            _kernels().add_matvec,
            target, weight, x, ids, count, *arrays, exponent, *numbers, shape.groups, shape.chunks,
            outputs=[like(target)],
            programs=shape.programs,
            in_place={0: 0},
            LISTED=active is not None,
            FIXED=fixed,
            **_flags(law, structure),
            **shape.constants,
        )[0]  # fmt: skip

    return add_exactly(out, _bound(law, weight, x), add) if fixed else add(out, x)


def _bound(law: Law, weight, x):
    """No sum of some of the products can be above this: a row reaches a target once, or with each of its k draws."""
    theta = jnp.abs(weight).astype(x.dtype)
    most = theta if law.weights == "constant" else theta[0] + theta[1] * jnp.asarray(_LARGEST, x.dtype)
    return jnp.max(jnp.sum(jnp.abs(x), axis=-1)) * most * jnp.asarray(law.k or 1, x.dtype)


def rmatvec(weight, g, *structure, n_pre, law):
    shape = (*g.shape[:-1], n_pre)
    if law.empty or 0 in (g.size, n_pre):
        return jnp.zeros(shape, g.dtype)
    how = _Launch(law, _members(g), False)
    arrays, numbers = _operands(law, structure, g.shape[-1])
    groups = ceil_div(n_pre, how.tile)
    return launch(
        _kernels().rmatvec,
        weight, g, *arrays, *numbers, groups,
        outputs=[jax.ShapeDtypeStruct(shape, g.dtype)],
        programs=groups * _members(g),
        TILE=how.tile,
        DRAWS=how.draws,
        **_flags(law, structure),
    )[0]  # fmt: skip


def outer(x, g, *structure, active, weight_shape, law):
    if law.empty or 0 in (x.size, g.size):
        return jnp.zeros(weight_shape, x.dtype)
    shape = _Launch(law, _members(x), active is not None)
    arrays, numbers = _operands(law, structure, g.shape[-1])
    ids, count = active or (x, x)
    [parts] = launch(
        _kernels().outer,
        x, g, ids, count, *arrays, *numbers, shape.groups, shape.chunks,
        outputs=[jax.ShapeDtypeStruct((shape.programs, 2), x.dtype)],
        programs=shape.programs,
        LISTED=active is not None,
        **_flags(law, structure),
        **shape.constants,
    )  # fmt: skip
    total, scaled = jnp.sum(parts, axis=0)
    if law.weights == "constant":
        return total
    return jnp.stack([total - scaled if law.weights == "uniform" else total, scaled])
