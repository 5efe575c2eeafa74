"""Plasticity of pairs of spikes that a reward turns into changes of weights."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._math import within
from .._types import Parameter
from ._bound import bound
from ._traces import faded, marked


class RewardSTDP(AbstractPlasticity):
    r"""Reward-modulated spike-timing dependent plasticity (Izhikevich 2007; Frémaux & Gerstner 2016).

    Pairs of spikes, as those of an additive `STDP`, change the eligibility c of a synapse and not its weight;
    $dc/dt = -c / \tau_c$. Dopamine d turns it into a change, $dw/dt = c\, d$, where $dd/dt = -d / \tau_d + DA(t)$, and DA is
    the input of this rule's name:

    ```python
    simulate(net, t1, dt, inputs={"RewardSTDP": nex.Samples(released)})
    ```

    DA may also be, or be as well, what the spikes of a population release everywhere at once: `modulator` is its name.

    In every step both decay, then come this step's spikes and what was released in it (exactly, held over the step), then w
    changes by $c\, d\, dt$. Because c changes in every step, so does every synapse.

    **Arguments:**

    - `a_plus`, `a_minus`, `tau_plus`, `tau_minus`: as in `STDP`, of c.
    - `tau_c`: time constant of the eligibility, ms.
    - `tau_d`: time constant of dopamine, ms; `None`: d is the input itself, such as a reward minus what was expected.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    - `per_spike`: what a spike of the modulator adds to d (with `tau_d=None` to its integral over time), dimensionless.
    - `modulator`: the name of a population of the network, if any.

    The input is one number for all, or one for each target: in units of d per ms, or with `tau_d=None` of d. Without it, and
    without a modulator, d is zero.
    """

    a_plus: Parameter = param(0.1)
    a_minus: Parameter = param(0.15)
    tau_plus: Parameter = param(20.0)
    tau_minus: Parameter = param(20.0)
    tau_c: Parameter = param(1000.0)
    tau_d: Float[Array, ""] | None = bound(200.0)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(1.0)
    per_spike: Parameter = param(1.0)
    modulator: str | None = eqx.field(default=None, static=True)
    is_modulated: ClassVar[bool] = True

    @property
    def modulators(self) -> dict[str, Any]:
        return {} if self.modulator is None else {self.modulator: self.per_spike}

    def __check_init__(self) -> None:
        check_positive(self, "tau_plus", "tau_minus", "tau_c", "tau_d")

    def init_source(self, n: int) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau_plus.dtype)

    def init_target(self, n: int, v: Any) -> tuple[Array, Array]:
        """The trace of spikes, and d."""
        return jnp.zeros(n, self.tau_minus.dtype), jnp.zeros(n, self.tau_minus.dtype)

    def init_synapses(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """The eligibility."""
        return jnp.zeros(shape, self.tau_c.dtype)

    def move_source(self, state: Float[Array, " n"], arrived: Float[Array, " n"], *, dt: float) -> tuple[Array, Array]:
        seen = faded(state, self.tau_plus, dt)
        return seen, marked(seen, arrived, nearest=False)

    def move_target(
        self, state: tuple[Array, Array], output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        trace, d = state
        seen = faded(trace, self.tau_minus, dt)
        released = jnp.zeros_like(d) if factor is None else factor
        if self.tau_d is None:
            d = released
        else:
            d = faded(d, self.tau_d, dt) - released * self.tau_d * jnp.expm1(-dt / self.tau_d)
        return (seen, d), (marked(seen, output, nearest=False), d)

    def learn(
        self,
        synapses: AbstractSynapses,
        weights: Float[Array, "..."],
        own: Float[Array, "..."],
        pre: Side,
        post: Side,
        *,
        dt: float,
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        trace, d = post.seen
        c = own * jnp.exp(-dt / self.tau_c)
        c = synapses.columns(self.potentiation, c, post.output, pre.seen, None)
        c = synapses.rows(self.depression, c, pre.output, None, trace)
        change = c * synapses.from_targets(d) * dt
        return within(weights + change.astype(weights.dtype), self.w_min, self.w_max), c

    def potentiation(self, c: Array, x: Float[Array, "..."], _: None) -> Float[Array, "..."]:
        """What a spike of the target does to the eligibility."""
        return self.a_plus * x

    def depression(self, c: Array, _: None, y: Float[Array, "..."]) -> Float[Array, "..."]:
        """What an arrival does to the eligibility."""
        return -self.a_minus * y
