"""The primitive of the dense product and its rules.

It exists for the one case in which looking at the events pays: a single vector of spikes on CPU. All that follows from
it under jvp towards `x`, transposition and vmap is an ordinary product of dense arrays.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type
from . import _cpu, _reference


def _abstract(out, weight, x, *, backend):
    return result_type(out, out.shape)


add_matvec_p = make_primitive(
    "neuroeqx_dense_add_matvec", _abstract, _reference.add_matvec, _cpu.add_matvec, _reference.add_matvec
)


def _jvp(primals, tangents, *, backend):
    (out, weight, x), (d_out, d_weight, d_x) = primals, tangents
    y = bind(add_matvec_p, out, weight, x, backend=backend)
    dy = ad.instantiate_zeros(d_out)
    if type(d_x) is not ad.Zero:
        dy = _reference.add_matvec(dy, weight, d_x)
    if type(d_weight) is not ad.Zero:
        dy = bind(add_matvec_p, dy, d_weight, x, backend=backend)
    return y, dy


def _transpose(ct, out, weight, x, *, backend):
    if type(ct) is ad.Zero:
        return None, None, None
    d_out = ct if ad.is_undefined_primal(out) else None
    d_weight = d_x = None
    if ad.is_undefined_primal(x):
        d_x = jnp.dot(weight, ct, precision=lax.Precision.HIGHEST)
    elif ad.is_undefined_primal(weight):
        d_weight = x[:, None] * ct[None, :]
    return d_out, d_weight, d_x


def _batch(args, dims, *, backend):
    return jax.vmap(_reference.add_matvec, in_axes=dims)(*args), 0


ad.primitive_jvps[add_matvec_p] = _jvp
ad.primitive_transposes[add_matvec_p] = _transpose
batching.primitive_batchers[add_matvec_p] = _batch
