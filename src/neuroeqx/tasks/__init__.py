"""Tasks of cognitive neuroscience as random trials.

Each task is a function of a key that gives a `Trial`; `jax.vmap` over keys gives a batch. All durations and `dt` are in ms,
durations multiples of `dt`; they set the shapes, so they are Python numbers. `spiking` draws spikes from inputs that are rates.

`yin_yang` gives points of the Yin-Yang dataset and their classes.
"""

from ._context import context_dependent_decision as context_dependent_decision
from ._delayed_match import delayed_match_to_sample as delayed_match_to_sample
from ._evidence import evidence_accumulation as evidence_accumulation
from ._go_no_go import go_no_go as go_no_go
from ._parametric import parametric_working_memory as parametric_working_memory
from ._random_dots import random_dots as random_dots
from ._trial import spiking as spiking, Trial as Trial
from ._yin_yang import yin_yang as yin_yang, yin_yang_class as yin_yang_class
