"""The array vocabulary shared by every layer."""

from collections.abc import Callable
from typing import Any, TYPE_CHECKING, TypeAlias

import jax
import jax.core
from jaxtyping import Array, Float, PRNGKeyArray, Shaped


# The type of a field made by `nex.param`: an array, which accepts anything that `as_parameter` converts to one. (A static type
# checker cannot see the conversion; it is told that any value may be given.)
if TYPE_CHECKING:
    Parameter: TypeAlias = Any
else:
    Parameter = Float[Array, "..."]
Key: TypeAlias = PRNGKeyArray | Shaped[Array, "..."]
# A time in ms: a Python float from a user, a traced scalar inside a loop.
Time: TypeAlias = float | int | Float[Array, ""]
# The state of one integration: an array (the voltage) or a small Module of arrays.
Y: TypeAlias = Any
State: TypeAlias = Any
Output: TypeAlias = Any
VectorField: TypeAlias = Callable[..., Y]
# A membrane current as a function of the voltage: what every receptor and drive adds up to.
Current: TypeAlias = Callable[[Float[Array, "..."]], Float[Array, "..."]]
# (key, shape) -> values, the signature of `jax.nn.initializers`.
Initialiser: TypeAlias = Callable[..., Any]


def is_tracer(x: Any) -> bool:
    """Whether `x` stands for a value that is not known yet."""
    return isinstance(x, jax.core.Tracer)


def is_traced(*trees: Any) -> bool:
    """Whether any leaf is a tracer, or the call itself happens inside `jax.jit`."""
    here = _zero()  # a tracer exactly when a jit trace is current
    return any(is_tracer(leaf) for leaf in [here, *jax.tree_util.tree_leaves(trees)])


@jax.jit
def _zero() -> Array:
    return jax.numpy.zeros(())
