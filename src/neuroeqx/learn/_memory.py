"""How many bytes a program takes, told from its jaxpr: nothing is compiled.

The rules are those of the compiler for CPUs. A buffer is there from the equation that makes it to the last one that reads it,
or something that is elementwise in it. The latter is made an array where a product, a loop or a sum reads it. Loops work in
place, and the zeros into which they write are there from the beginning.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from jax.interpreters import partial_eval as pe


# Equations that only say what is computed elsewhere, by the name of the parameter that holds it.
_NESTED = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat2": "jaxpr",
    "checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
}  # fmt: skip
# A run in two forms, of which one is done, and the native form of a loop.
_EITHER, _NATIVE = "neuroeqx_either", "neuroeqx_fused_while"
_LOOPS = frozenset({"scan", "while", _NATIVE})
_IN_PLACE = frozenset({"dynamic_update_slice", "scatter", "scatter-add", "scatter_add", "scatter_mul"})
# Equations after which the numbers lie in memory as before.
_VIEWS = frozenset({"reshape", "squeeze", "expand_dims", "copy", "copy_p", "stop_gradient", "optimization_barrier"})
# What is read as an array of its own.
_ARRAYS = frozenset({
    "dot_general", "conv_general_dilated", "cond", "sort", "ffi_call", "pure_callback", "io_callback", "cumsum", "concatenate",
    "top_k", "fft", "triangular_solve", "lu", "cholesky",
}) | _LOOPS | _IN_PLACE  # fmt: skip
# Which are done in rounds, of windows of an array.
_IN_ROUNDS = frozenset({"reduce_sum", "reduce_max", "reduce_min", "reduce_prod"})
# Whose result is an array, and whose operands need not be (but for the former).
_REDUCTIONS = _IN_ROUNDS | frozenset({
    "reduce_and", "reduce_or", "argmax", "argmin", "reduce_precision",
    "random_bits", "random_fold_in", "random_split", "threefry2x32",
})  # fmt: skip


def bytes_of(tree: Any) -> int:
    """The size of the arrays of a tree, or of their shapes."""
    return sum(
        math.prod(x.shape) * np.dtype(_raw(x.dtype)).itemsize * _words(x.dtype)
        for x in jtu.tree_leaves(tree)
        if isinstance(x, jax.Array | np.ndarray | jax.ShapeDtypeStruct)
    )


def predicted_bytes(function: Callable[..., Any], *args: Any) -> int:
    """Arguments, results, and the most that there is besides at any moment of `function(*args)`, whose arguments and results
    are trees of arrays or of shapes."""
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
    jaxpr, _ = pe.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    return bytes_of(args) + bytes_of(closed.consts) + bytes_of(shapes) + _Walk(jaxpr).peak


def _raw(dtype: Any) -> Any:
    return np.uint32 if jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key) else dtype


def _words(dtype: Any) -> int:
    return 2 if jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key) else 1


def _size(var: Any) -> int:
    shape = getattr(var.aval, "shape", None)  # a token has none
    return 0 if shape is None else bytes_of(jax.ShapeDtypeStruct(shape, var.aval.dtype))


@dataclasses.dataclass(eq=False)
class _Buffer:
    size: int
    first: int
    last: int


class _Walk:
    """A jaxpr with nested calls written out, and the most that its buffers take at any of its equations. Its inputs belong to
    whoever calls, and what it puts out elementwise is written to where that is kept.

    - `peak`: bytes.
    """

    def __init__(self, jaxpr: Jaxpr, results_are_kept: bool = True):
        self.names = itertools.count()
        env: dict[Any, int | None] = {v: next(self.names) for v in (*jaxpr.constvars, *jaxpr.invars)}
        self.eqns = list(self._flat(jaxpr, env))
        self.outs = [_name(env, v) for v in jaxpr.outvars]
        self.uses: dict[Any, int] = {}
        for i, (_, ins, _) in enumerate(self.eqns):
            self.uses.update({v: i for v in ins})
        self.uses.update({v: len(self.eqns) for v in self.outs})
        self.within: dict[Any, set[_Buffer]] = {}
        self.made: set[Any] = set()  # what is an array, and not computed where it is read
        self.turned: set[Any] = set()  # arrays with their axes in another order
        self.free: set[Any] = {None}  # what depends on no argument and is not computed by a loop
        self.native: set[Any] = set()  # what native loops put out, of which a part is an array of its own
        self.buffers: list[_Buffer] = []
        self.inner = [0] * (len(self.eqns) + 1)
        for i, (eqn, ins, outs) in enumerate(self.eqns):
            self._visit(i, eqn, ins, outs)
        # Results of the whole program are counted by the caller.
        kept = {b for v in self.outs for b in self.within.get(v, ())}
        for buffer in self.buffers:
            if buffer in kept:
                buffer.last = len(self.eqns)
                if results_are_kept:
                    buffer.size = 0
        change = np.zeros(len(self.eqns) + 2, np.int64)
        for buffer in self.buffers:
            change[buffer.first] += buffer.size
            change[buffer.last + 1] -= buffer.size
        self.peak = int((np.cumsum(change)[:-1] + self.inner).max())

    def _flat(self, jaxpr: Jaxpr, env: dict[Any, int | None]) -> Iterator[tuple[JaxprEqn, list[Any], list[Any]]]:
        for eqn in jaxpr.eqns:
            ins = [_name(env, v) for v in eqn.invars]
            if eqn.primitive.name in _VIEWS and len(ins) == 1:
                env[eqn.outvars[0]] = ins[0]
            elif eqn.primitive.name in _NESTED or eqn.primitive.name == _EITHER:
                form = "native" if jax.default_backend() == "cpu" else "meaning"
                inner = eqn.params[_NESTED.get(eqn.primitive.name, form)]
                inner = getattr(inner, "jaxpr", inner)
                own = dict(zip(inner.invars, ins, strict=True))
                own.update((v, next(self.names)) for v in inner.constvars)
                yield from self._flat(inner, own)
                env.update((v, _name(own, x)) for v, x in zip(eqn.outvars, inner.outvars, strict=True))
            else:
                env.update((v, next(self.names)) for v in eqn.outvars)
                yield eqn, ins, [env[v] for v in eqn.outvars]

    def _read(self, i: int, v: Any, size: int, as_array: bool) -> None:
        sources = self.within.get(v, set())
        if as_array and v in self.within and v not in self.made:
            if v in self.turned:  # in the other order, and from there to where the loop has it
                self.buffers.append(_Buffer(size, i, i))
            # Computed in the place of what has its size and is not read any more.
            alike = {b for b in sources if b.size == size and v not in self.turned}
            sources = sources - {max(alike, key=lambda b: b.last)} if alike else sources
            self._make(i, v, size)
        for buffer in sources:
            buffer.last = max(buffer.last, i)

    def _make(self, i: int, v: Any, size: int, first: int | None = None) -> None:
        buffer = _Buffer(size, i if first is None else first, i)
        self.buffers.append(buffer)
        self.within[v] = {buffer}
        self.made.add(v)

    def _visit(self, i: int, eqn: JaxprEqn, ins: list[Any], outs: list[Any]) -> None:
        name = eqn.primitive.name
        known = not _is_elementwise(eqn)
        moved = self._moved(i, eqn, ins)
        for k, (v, given) in enumerate(zip(ins, eqn.invars, strict=True)):
            as_array = known and name not in _REDUCTIONS - _IN_ROUNDS and k not in moved or name == "gather" and k == 0
            # A product reads its operands in any order.
            as_array &= not (name == "dot_general" and v in self.turned)
            self._read(i, v, _size(given), as_array)
        if not known:
            if name == "transpose" and (ins[0] in self.made or ins[0] not in self.within):
                self.turned.add(outs[0])
            for v in outs:
                self.within[v] = set().union(*(self.within.get(x, set()) for x in ins))
                if all(x in self.free for x in ins):
                    self.free.add(v)
            if name == "slice" and ins[0] in self.native:
                self._make(i, outs[0], _size(eqn.outvars[0]))
            return
        for k, v in enumerate(outs):
            source = next((x for x in moved if moved[x] == k), None)
            there = None if source is None else self.within.get(ins[source])
            if name == _NATIVE:
                self.native.add(v)
            if source is not None and there and ins[source] in self.made:
                self.within[v] = there
                self.made.add(v)
            else:
                # What rounds put out is written into zeros. These depend on nothing: the compiler makes them first of all.
                stacked = name == "scan" and k >= eqn.params["num_carry"]
                zeros = stacked or source is not None and ins[source] in self.free
                self._make(i, v, _size(eqn.outvars[k]), 0 if zeros else i)
        self.inner[i] = _inner(eqn)

    def _moved(self, i: int, eqn: JaxprEqn, ins: list[Any]) -> dict[int, int]:
        """Of each operand in whose memory a result comes to lie, as nobody else reads it, the number of the result."""
        name, params = eqn.primitive.name, eqn.params
        if name == "scan":
            pairs = {params["num_consts"] + k: k for k in range(params["num_carry"])}
        elif name == _NATIVE:
            pairs = {len(ins) - len(eqn.outvars) + k: k for k in range(len(eqn.outvars))}
        elif name == "while":
            first = params["cond_nconsts"] + params["body_nconsts"]
            pairs = {first + k: k for k in range(len(eqn.outvars))}
        else:
            pairs = {0: 0} if name in _IN_PLACE else {}
        return {k: out for k, out in pairs.items() if self.uses.get(ins[k]) == i and ins[k] in self.within}


def _is_elementwise(eqn: JaxprEqn) -> bool:
    """Whether its result is computed where it is read."""
    name = eqn.primitive.name
    if name in _REDUCTIONS:
        return eqn.invars[0].aval.size == eqn.outvars[0].aval.size  # pyright: ignore[reportAttributeAccessIssue]
    if name == "dot_general" and not any(eqn.params["dimension_numbers"][0]):
        return True
    is_call = eqn.primitive.multiple_results or name.startswith("neuroeqx") or bool(eqn.effects)
    return name not in _ARRAYS and not is_call


def _name(env: dict[Any, int | None], v: Any) -> int | None:
    return None if isinstance(v, Literal) else env[v]


def _inner(eqn: JaxprEqn) -> int:
    """The most that one round of a loop, or one branch, takes."""
    is_jaxpr = lambda x: isinstance(x, ClosedJaxpr)
    within = filter(is_jaxpr, jtu.tree_leaves(list(eqn.params.values()), is_leaf=is_jaxpr))
    return max((_Walk(closed.jaxpr, False).peak for closed in within), default=0)
