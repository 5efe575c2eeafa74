"""Self-consistent rates of populations of leaky integrate-and-fire neurons."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_not_negative, check_positive
from .._fields import check_finite, param
from .._types import Parameter
from ._siegert import siegert
from ._steady_state import steady_state
from ._system import system


class MeanField(eqx.Module):
    r"""Populations of leaky integrate-and-fire neurons in sparse random networks, each neuron under independent Poisson spikes
    taken as white noise, with jumps of the voltage as synapses (Amit & Brunel 1997; Brunel 2000):

    $\mu_j = \tau_j (\sum_i C_{ij} J_{ij} \nu_i + J^{ext}_j \nu^{ext}_j)$,
    $\sigma_j^2 = \tau_j (\sum_i C_{ij} J_{ij}^2 \nu_i + (J^{ext}_j)^2 \nu^{ext}_j)$, $\nu_j = \Phi(\mu_j, \sigma_j)$, the
    rate of `siegert`.

    As a function of rates it is $d\nu/dt = (\Phi(\nu) - \nu) / \tau$, per ms, so that `system(mean_field, y0=rates)` goes into
    `fixed_points`, `stability` and `continuation`. (The relaxation is a convention: its zeros, and not its speed, are those of
    the network.)

    **Arguments:** arrays `[populations]`, or `[populations, populations]` with sources along rows; numbers stand for all.

    - `in_degree`: $C_{ij}$, how many synapses a neuron of j has from population i, not negative, dimensionless.
    - `weight`: $J_{ij}$, the jump of the voltage, mV.
    - `rate_ext`: $\nu^{ext}_j$, of all external spikes of a neuron together, not negative, Hz.
    - `weight_ext`: $J^{ext}_j$, mV.
    - `tau`, `t_ref`: time constant of the membrane and refractory period, as in `siegert`, ms.
    - `v_th`, `v_reset`: threshold and reset, likewise, mV.
    """

    in_degree: Parameter = param()
    weight: Parameter = param()
    rate_ext: Parameter = param(0.0)
    weight_ext: Parameter = param(0.1)
    tau: Parameter = param(20.0)
    v_th: Parameter = param(20.0)
    v_reset: Parameter = param(10.0)
    t_ref: Parameter = param(2.0)

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "in_degree", "rate_ext", "t_ref")
        check_positive(self, "tau")
        check_below(self, "v_reset", "v_th")
        shape = self.in_degree.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"MeanField: `in_degree` must have shape [populations, populations], got {shape}.")
        for name in ("weight", "rate_ext", "weight_ext", "tau", "v_th", "v_reset", "t_ref"):
            given = getattr(self, name).shape
            if given not in ((), shape if name == "weight" else shape[1:]):
                raise ValueError(f"MeanField: `{name}` has shape {given}, which does not fit {shape[0]} populations.")

    def moments(
        self, rates: Float[Array, " populations"]
    ) -> tuple[Float[Array, " populations"], Float[Array, " populations"]]:
        """$\\mu$ and $\\sigma$ at given rates (Hz), mV."""
        jumps = self.in_degree * self.weight
        per_ms = rates / 1000.0, self.rate_ext / 1000.0
        mean = self.tau * (per_ms[0] @ jumps + self.weight_ext * per_ms[1])
        variance = self.tau * (per_ms[0] @ (jumps * self.weight) + self.weight_ext**2 * per_ms[1])
        # Rates that a search tries may be below zero; a root has no derivative at zero.
        return mean, jnp.sqrt(jnp.maximum(variance, 1e-12))

    def response(self, rates: Float[Array, " populations"]) -> Float[Array, " populations"]:
        """$\\Phi$, the rates (Hz) of neurons under the noise that given rates make."""
        mean, std = self.moments(rates)
        return siegert(mean, std, tau=self.tau, v_th=self.v_th, v_reset=self.v_reset, t_ref=self.t_ref)

    def __call__(self, rates: Float[Array, " populations"]) -> Float[Array, " populations"]:
        return (self.response(rates) - rates) / self.tau

    def rates(self, start: Any = 10.0) -> Float[Array, " populations"]:
        """Rates that make themselves, Hz, differentiable by all parameters; of several those near to `start`.

        **Errors:** as `steady_state`.
        """
        start = jnp.broadcast_to(jnp.asarray(start, self.in_degree.dtype), self.in_degree.shape[1:])
        return steady_state(system(self, y0=start))
