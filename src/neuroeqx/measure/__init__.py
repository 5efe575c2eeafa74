"""Statistics of recorded spikes, and what instruments see of recorded activity."""

from ._bold import bandpass as bandpass, bold as bold
from ._connectivity import (
    fc_dynamics as fc_dynamics,
    fc_similarity as fc_similarity,
    functional_connectivity as functional_connectivity,
    upper_triangle as upper_triangle,
)
from ._correlogram import autocorrelogram as autocorrelogram, Correlogram as Correlogram, correlogram as correlogram
from ._phases import order_parameter as order_parameter, phases as phases
from ._potentials import eeg as eeg, lfp_absolute as lfp_absolute, lfp_reference as lfp_reference
