"""One function in two forms: one that is differentiated, and one that runs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun, Primitive
from jax.interpreters import ad, batching

from ..ops._primitive import bind, zero_tangent
from ._lowering import register
from ._scan import is_scan
from ._while import is_native


def either(meaning: Callable[[Any], Any], native: Callable[[Any], Any], operands: Any) -> Any:
    """`meaning(operands)`; on CPU, unless it is differentiated, computed as `native(operands)`.

    **Arguments:**

    - `meaning`, `native`: functions of the same results. If `native` has no native loop in it, it is not used, nor if
        `meaning` is a fused scan, which keeps its state in registers.
    - `operands`: a pytree of arrays.
    """
    leaves, tree = jax.tree.flatten(operands)
    results = lambda *leaves: meaning(tree.unflatten(leaves))
    defined, shape = jax.make_jaxpr(results, return_shape=True)(*leaves)
    if not is_scan(defined.jaxpr):
        runs = jax.make_jaxpr(lambda *leaves: jax.tree.leaves(native(tree.unflatten(leaves))))(*leaves)
        if is_native(runs.jaxpr):
            return jax.tree.unflatten(jax.tree.structure(shape), bind(either_p, *leaves, meaning=defined, native=runs))
    return meaning(operands)


def _batch(operands: Any, axes: Any, *, meaning: ClosedJaxpr, native: ClosedJaxpr) -> tuple[Any, list[int]]:
    batch = lambda form: jax.make_jaxpr(jax.vmap(jaxpr_as_fun(form), in_axes=tuple(axes)))(*operands)
    outs = either_p.bind(*operands, meaning=batch(meaning), native=batch(native))
    return outs, [0] * len(outs)


def _jvp(primals: Any, tangents: Any, *, meaning: ClosedJaxpr, native: ClosedJaxpr) -> tuple[Any, Any]:
    del native
    # Only with respect to what has a tangent: of a network that is one drive, perhaps, and not every weight.
    live = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]

    def of(*chosen: Any) -> Any:
        operands = list(primals)
        for i, x in zip(live, chosen, strict=True):
            operands[i] = x
        return jaxpr_as_fun(meaning)(*operands)

    outs, changes = jax.jvp(of, tuple(primals[i] for i in live), tuple(tangents[i] for i in live))
    pairs = zip(outs, changes, strict=True)
    return outs, [dx if jnp.issubdtype(x.dtype, jnp.inexact) else zero_tangent(x) for x, dx in pairs]


def _compiled(*operands: Any, meaning: ClosedJaxpr, native: ClosedJaxpr) -> Any:
    return jax.jit(functools.partial(either_p.bind, meaning=meaning, native=native))(*operands)


either_p = Primitive("neuroeqx_either")
either_p.multiple_results = True
either_p.def_abstract_eval(lambda *operands, meaning, native: meaning.out_avals)
either_p.def_impl(_compiled)
batching.primitive_batchers[either_p] = _batch
ad.primitive_jvps[either_p] = _jvp
register(
    either_p,
    lambda *operands, meaning, native: jaxpr_as_fun(meaning)(*operands),
    cpu=lambda *operands, meaning, native: jaxpr_as_fun(native)(*operands),
)
