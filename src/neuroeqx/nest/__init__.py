"""Populations under the names of NEST: its parameters, defaults, units and timing, made of the cells of this package.

Each function takes the number of cells (or a shape) and the parameters of NEST's model of that name, in ms, mV, pF, nS and pA
(Izhikevich's without units), each a number or an array that broadcasts against the population. It returns a `Population`
whose receptors `"ex"` and `"in"` take weights and delays as they stand in a NEST script: negative weights at `"in"`.

`docs/nest.md` has the timing, and how to port a script.
"""

from ._aeif import aeif_cond_exp as aeif_cond_exp, aeif_psc_exp as aeif_psc_exp
from ._generators import dc_generator as dc_generator, spike_generator as spike_generator
from ._hh import hh_cond_exp_traub as hh_cond_exp_traub, hh_psc_alpha as hh_psc_alpha
from ._iaf_cond import iaf_cond_alpha as iaf_cond_alpha, iaf_cond_exp as iaf_cond_exp
from ._iaf_psc import iaf_psc_alpha as iaf_psc_alpha, iaf_psc_delta as iaf_psc_delta, iaf_psc_exp as iaf_psc_exp
from ._izhikevich import izhikevich as izhikevich
