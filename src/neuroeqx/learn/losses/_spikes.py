"""The type of spikes over time."""

import numpy as np
from jaxtyping import Array, Float


SpikeArray = Float[Array, "*batch time neurons"] | Float[np.ndarray, "*batch time neurons"]
