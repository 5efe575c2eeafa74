"""Training: gradients of runs by several methods."""

from ._grad import grad as grad, value_and_grad as value_and_grad
from ._objective import each_step as each_step
