"""Synaptic kinetics kept at the target."""

import equinox as eqx

from .._interfaces import AbstractLinearSynapse, AbstractOutput


class Receptor(eqx.Module):
    """One kind of synapse as its target sees it: kinetics, and how they become a current.

    Every projection that names this receptor adds into the same state, of one value per target neuron and not per
    synapse. That is exact because the kinetics are linear; nonlinear kinetics belong in `Projection(release=...)`.

    **Arguments:**

    - `syn`: linear kinetics, e.g. `Expon(5.0)`.
    - `out`: e.g. `COBA(0.0)` or `CUBA()`.
    """

    syn: AbstractLinearSynapse
    out: AbstractOutput

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
