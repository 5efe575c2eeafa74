"""Lists of events, and of the neurons that had one."""

from ._append import append_events as append_events
from ._compact import compact as compact
