"""Spike functions: a step forwards, the derivative of a smooth function backwards."""

from ._arctan import Arctan as Arctan
from ._piecewise_linear import PiecewiseLinear as PiecewiseLinear
from ._sigmoid import Sigmoid as Sigmoid
from ._superspike import SuperSpike as SuperSpike
