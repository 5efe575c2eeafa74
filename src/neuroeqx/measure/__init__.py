"""Statistics of recorded spikes, and what instruments see of recorded activity."""

from ._bold import bandpass as bandpass, bold as bold
from ._connectivity import (
    fc_dynamics as fc_dynamics,
    fc_similarity as fc_similarity,
    functional_connectivity as functional_connectivity,
    upper_triangle as upper_triangle,
)
from ._correlogram import autocorrelogram as autocorrelogram, Correlogram as Correlogram, correlogram as correlogram
from ._counts import (
    count_correlations as count_correlations,
    counts as counts,
    fano_factor as fano_factor,
    mean_count_correlation as mean_count_correlation,
    rates as rates,
)
from ._distances import (
    isi_distance as isi_distance,
    pairwise as pairwise,
    spike_distance as spike_distance,
    sttc as sttc,
    van_rossum_distance as van_rossum_distance,
    victor_purpura_distance as victor_purpura_distance,
)
from ._intervals import cv as cv, cv2 as cv2, intervals as intervals, local_variation as local_variation
from ._phases import order_parameter as order_parameter, phases as phases
from ._potentials import eeg as eeg, lfp_absolute as lfp_absolute, lfp_reference as lfp_reference
from ._spectrum import power_spectrum as power_spectrum
