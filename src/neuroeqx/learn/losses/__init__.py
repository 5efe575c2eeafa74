"""Losses: pure functions of readouts, voltages and spikes over time."""

from ._bounds import rate_bounds as rate_bounds, voltage_bounds as voltage_bounds
from ._counts import spike_count as spike_count, spike_rate as spike_rate
from ._cross_entropy import (
    cross_entropy as cross_entropy,
    cross_entropy_of_last as cross_entropy_of_last,
    cross_entropy_of_max as cross_entropy_of_max,
    cross_entropy_of_mean as cross_entropy_of_mean,
    cross_entropy_over_time as cross_entropy_over_time,
)
from ._first_spike import first_spike_time as first_spike_time, time_to_first_spike as time_to_first_spike
from ._likelihood import (
    gaussian_log_likelihood as gaussian_log_likelihood,
    spike_log_likelihood as spike_log_likelihood,
)
from ._sparsity import squared_counts as squared_counts, total_count as total_count
from ._van_rossum import van_rossum as van_rossum
