"""Statistics of recorded spikes."""

from ._correlogram import autocorrelogram as autocorrelogram, Correlogram as Correlogram, correlogram as correlogram
