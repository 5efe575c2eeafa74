"""Which equations are calls of functions of ours that have native code of their own."""

import collections
import functools
import inspect
from typing import Any

import jax
from jax.extend.core import Jaxpr

from .. import _math
from ._elementwise import EMITTERS


def name_of(eqn: Any) -> str:
    """Of the primitive, or of a function of ours that has native code of its own."""
    called = str(eqn.params.get("name")) if eqn.primitive.name in ("jit", "pjit") else ""
    if called in EMITTERS and called.startswith("neuroeqx_") and _is_itself(called, eqn):
        return called
    return eqn.primitive.name


def _is_itself(name: str, eqn: Any) -> bool:
    """Whether a call is that of our function, and not of what JAX has made of it under the same name: a derivative, or the
    part that it needs."""
    dtypes = tuple(v.aval.dtype for v in eqn.invars)
    if len(eqn.outvars) != 1 or len(dtypes) != len(inspect.signature(getattr(_math, name)).parameters):
        return False
    return _arithmetic(eqn.params["jaxpr"].jaxpr) == _own_arithmetic(name, dtypes)


@functools.cache
def _own_arithmetic(name: str, dtypes: tuple[Any, ...]) -> collections.Counter[str]:
    given = [jax.ShapeDtypeStruct((), dtype) for dtype in dtypes]
    return _arithmetic(jax.make_jaxpr(getattr(_math, name))(*given).jaxpr)


_FORM = frozenset({"broadcast_in_dim", "convert_element_type", "reshape", "squeeze", "expand_dims"})


def _arithmetic(jaxpr: Jaxpr) -> collections.Counter[str]:
    """How often each operation is done, whatever the shapes."""
    done: collections.Counter[str] = collections.Counter()
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("jit", "pjit"):
            done.update(_arithmetic(eqn.params["jaxpr"].jaxpr))
        elif eqn.primitive.name not in _FORM:
            done[eqn.primitive.name] += 1
    return done
