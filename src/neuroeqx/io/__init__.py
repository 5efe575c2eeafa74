"""Data as events: recordings of spiking sensors and of sounds, and images, read from files that you have.

Everything here is NumPy on the host. `EventDataset` holds the events of many samples; its batches have one shape, so a
compiled program takes all of them. Each `load_...` takes a path, and downloads nothing.
"""

from ._dvs_gesture import AedatEvents as AedatEvents, load_aedat as load_aedat, load_dvs_gesture as load_dvs_gesture
from ._event_dataset import EventBatch as EventBatch, EventDataset as EventDataset
from ._heidelberg import load_shd as load_shd
from ._idx import Images as Images, load_idx as load_idx, load_mnist as load_mnist
from ._nmnist import load_nmnist as load_nmnist
from ._patch_clamp import load_patch_clamp as load_patch_clamp, Sweeps as Sweeps
from ._spoken_digits import load_spoken_digits as load_spoken_digits
