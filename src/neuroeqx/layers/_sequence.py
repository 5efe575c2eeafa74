"""What is done to whole sequences, and what to each step of them."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Num

from .._interfaces import AbstractConnectivity
from .._types import Key
from ._constraints import Constrained, resolve


class AbstractSequenceLayer(eqx.Module):
    """A layer that takes a whole sequence, `[time, ...]`, and gives one, or what is read out of one.

    Those of the package are called like every layer of `eqx.nn`, so that `eqx.nn.Sequential` chains them.
    """

    @abc.abstractmethod
    def __call__(self, x: Num[Array, "..."], *, key: Key | None = None) -> Num[Array, "..."]:
        """A single sequence; batches are made by `jax.vmap`."""


# From [features] to [features]: a layer of `eqx.nn`, a connectivity, a function.
Connect = Callable[..., Any]


def check_connect(owner: str, name: str, connect: Any) -> None:
    """Raise a `TypeError` unless something can be applied to all steps of a sequence at once."""
    if not callable(connect):
        raise TypeError(
            f"{owner}: `{name}` must be a layer such as eqx.nn.Linear, a connectivity or a function, got {connect!r}."
        )
    if isinstance(connect, eqx.nn.StatefulLayer) and connect.is_stateful():
        raise TypeError(
            f"{owner}: `{name}` must have no state, for it is applied to all steps at once; {type(connect).__name__} has one."
        )


def unconstrained(connect: Connect | None) -> Any:
    """The layer with the values of its parameters, computed once for all steps."""
    return resolve(connect.layer) if isinstance(connect, Constrained) else connect


def over_time(connect: Any, x: Num[Array, "..."], key: Key | None) -> Num[Array, "..."]:
    """A layer for single steps, applied to all steps of a sequence at once; one of sequences as it is."""
    connect = unconstrained(connect)
    if connect is None:
        return x
    if isinstance(connect, AbstractSequenceLayer):
        return connect(x, key=key)
    if isinstance(connect, eqx.nn.Linear) and x.ndim == 2 and connect.out_features != "scalar":
        # The same numbers; mapped over time, and then over a batch, the product's axes would come in an order for which XLA
        # copies the whole sequence.
        y = jnp.einsum("ti,oi->to", x, connect.weight)
        return y if connect.bias is None else y + connect.bias[None]
    if key is None or not isinstance(connect, eqx.Module) or isinstance(connect, AbstractConnectivity):
        return jax.vmap(connect)(x)
    own: Any = connect
    return jax.vmap(lambda x, key: own(x, key=key))(x, jax.random.split(key, x.shape[0]))
