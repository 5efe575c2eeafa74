"""Changes of what synapses hold, where sources or targets are active."""

from ._along import change_active as change_active, CHUNK as CHUNK
