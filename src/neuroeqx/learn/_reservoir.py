"""Echo state networks."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import connect
from .._checks import check_fraction
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractConnectivity, AbstractDynamics
from .._types import Key, Time


class EchoState(AbstractDynamics):
    r"""A leaky echo state network (Jaeger et al. 2007), $x_t = (1 - a)\, x_{t-1} + a\, f(W_{in} u_t + W_{rec} x_{t-1} + b)$.

    Its output is its state, $x_t$, for a readout to learn from: `nex.simulate(net, steps, 1.0, Samples(u), record={"x":
    nex.output()})`. A step's `input` is $u_t$, `[inputs]`. Time is counted in updates, whatever dt is. Under
    `jax.vmap` over inputs `simulate(..., fused=False)` draws procedural matrices once for the whole batch, which is some times
    faster than a native run, where every member draws them for itself. `echo_state` makes one by the usual recipe.

    **Arguments:**

    - `w_in`: $W_{in}$, a connectivity of shape `(inputs, cells)`.
    - `w_rec`: $W_{rec}$, of shape `(cells, cells)`, sources along rows.
    - `leak`: $a$, above 0 and at most 1, dimensionless; a number or one for each cell.
    - `bias`: $b$, dimensionless; a number or one for each cell.
    - `activation`: $f$, an elementwise function; `jnp.tanh` by default.
    """

    w_in: AbstractConnectivity
    w_rec: AbstractConnectivity
    leak: Float[Array, "..."]
    bias: Float[Array, "..."]
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(
        self,
        w_in: Any,
        w_rec: Any,
        *,
        leak: Any = 1.0,
        bias: Any = 0.0,
        activation: Callable[[Array], Array] = jnp.tanh,
    ):
        for name, w in (("w_in", w_in), ("w_rec", w_rec)):
            if not isinstance(w, AbstractConnectivity):
                raise TypeError(
                    f"EchoState: `{name}` must be a connectivity, got {type(w).__name__}. A rule is turned into one by its "
                    "sizes and a key: connect.bernoulli(0.1)(n, n, key=key)."
                )
        self.w_in, self.w_rec = w_in, w_rec
        self.leak, self.bias = as_parameter(leak), as_parameter(bias)
        self.activation = activation

    def __check_init__(self) -> None:
        n = self.w_rec.shape[0]
        if self.w_rec.shape != (n, n) or self.w_in.shape[1] != n:
            raise ValueError(
                f"EchoState: `w_in` must have shape (inputs, cells) and `w_rec` (cells, cells), got {self.w_in.shape} and "
                f"{self.w_rec.shape}."
            )
        check_finite(self)
        check_fraction(self, "leak")
        for name in ("leak", "bias"):
            if getattr(self, name).shape not in ((), (n,)):
                raise ValueError(f"EchoState: `{name}` must have shape () or ({n},), got {getattr(self, name).shape}.")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.w_rec.shape[0],)

    def init(self, *, dt: float, key: Key | None = None) -> Float[Array, " cells"]:
        del dt, key
        return jnp.zeros(self.shape, self.leak.dtype)

    def step(
        self,
        state: Float[Array, " cells"],
        input: Any = None,
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
    ) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
        """One update; without an input $u_t = 0$."""
        del dt, t, key
        total = self.w_rec.add_to(jnp.broadcast_to(self.bias, self.shape).astype(state.dtype), state)
        if input is not None:
            if jnp.shape(input) != self.w_in.shape[:1]:
                raise ValueError(
                    f"EchoState: the input of a step must have shape {self.w_in.shape[:1]}, got {jnp.shape(input)}. For an "
                    "array over time use Samples(array)."
                )
            total = self.w_in.add_to(total, jnp.asarray(input).astype(state.dtype))
        state = (1.0 - self.leak) * state + self.leak * self.activation(total)
        return state, state


def echo_state(
    inputs: int,
    cells: int,
    *,
    key: Key,
    leak: Any = 1.0,
    scale: float = 1.0,
    radius: float = 1.0,
    p_in: float = 0.1,
    p_rec: float = 0.1,
    bias: Any = 0.0,
    activation: Callable[[Array], Array] = jnp.tanh,
) -> EchoState:
    r"""An `EchoState` whose two matrices are procedural: drawn again at every use and never stored, so that its memory does not
    grow with the number of synapses.

    $W_{in} \sim U(-s, s)$ with probability $p_{in}$, $W_{rec} \sim N(0, \rho / \sqrt{N p_{rec}})$ (its standard deviation)
    with probability $p_{rec}$, which has a spectral radius of about $\rho$ for large N by the circular law (Girko 1985).

    **Arguments:**

    - `inputs`, `cells`: sizes; N is the latter.
    - `key`: decides the matrices.
    - `leak`, `bias`, `activation`: as in `EchoState`.
    - `scale`: $s$, of the input weights.
    - `radius`: $\rho$.
    - `p_in`, `p_rec`: the probability of a synapse.
    """
    for name, value in (("scale", scale), ("radius", radius)):
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(f"echo_state: `{name}` must be finite and not negative, got {value}.")
    in_key, rec_key = jax.random.split(key)
    # Without synapses there is nothing whose weights would have a standard deviation.
    sd = radius / math.sqrt(cells * p_rec) if cells and p_rec else 0.0
    w_in = connect.procedural(connect.bernoulli(p_in, connect.uniform(-scale, scale)))
    w_rec = connect.procedural(connect.bernoulli(p_rec, connect.normal(0.0, sd)))
    return EchoState(
        w_in(inputs, cells, key=in_key), w_rec(cells, cells, key=rec_key), leak=leak, bias=bias, activation=activation
    )
