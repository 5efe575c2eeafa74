"""Synaptic kinetics kept at the target."""

import equinox as eqx

from .._fields import static
from .._interfaces import AbstractLinearSynapse, AbstractOutput
from ..synapses import Delta


class Receptor(eqx.Module):
    """One kind of synapse as its target sees it: kinetics, and how they become a current.

    Every projection that names this receptor adds into the same state, of one value per target neuron and not per
    synapse. That is exact because the kinetics are linear; nonlinear kinetics belong in `Projection(release=...)`.

    **Arguments:**

    - `syn`: linear kinetics, e.g. `Expon(5.0)`.
    - `out`: e.g. `COBA(0.0)` or `CUBA()`.
    - `lag`: steps by which it is late: what arrives over a delay of d steps acts in the network's step n + d + lag. With 1,
        an arrival at the end of a step changes the current from the next one on, as in NEST.
    """

    syn: AbstractLinearSynapse
    out: AbstractOutput
    lag: int = static(0)

    def __check_init__(self) -> None:
        if not isinstance(self.syn, AbstractLinearSynapse):
            raise TypeError(
                f"Receptor: `syn` must be linear kinetics (AbstractLinearSynapse), got {type(self.syn).__name__}. "
                "Kinetics that are not linear cannot be shared by the synapses of a neuron; use "
                "Projection(release=...), which keeps them once per source neuron."
            )
        if not isinstance(self.out, AbstractOutput):
            raise TypeError(
                f"Receptor: `out` must be an output such as COBA(e) or CUBA(), got {type(self.out).__name__}."
            )
        if isinstance(self.out, Delta) and not self.syn.is_held:
            raise TypeError(
                f"Receptor: {type(self.syn).__name__} lasts longer than a step, so with Delta() the voltage would jump in "
                "each of them. Use Receptor(Instant(), Delta())."
            )
        if not isinstance(self.lag, int) or isinstance(self.lag, bool) or self.lag < 0:
            raise ValueError(f"Receptor: `lag` must be a whole number of steps, not negative, got {self.lag!r}.")
