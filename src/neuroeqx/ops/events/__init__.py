"""Lists of events."""

from ._append import append_events as append_events
