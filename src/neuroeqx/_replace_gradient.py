"""A value with the derivative of another."""

import jax
from jaxtyping import Array, Float


@jax.custom_jvp
def replace_gradient(value: Float[Array, "..."], smooth: Float[Array, "..."]) -> Float[Array, "..."]:
    """`value`, bit for bit, whose derivative is that of `smooth`.

    (`smooth + stop_gradient(value - smooth)` has the same derivative, but its value is rounded.)
    """
    del smooth
    return value


@replace_gradient.defjvp
def _(primals, tangents):
    value, smooth = primals
    _, tangent = tangents
    return replace_gradient(value, smooth), tangent
