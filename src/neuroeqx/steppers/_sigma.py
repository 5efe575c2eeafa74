"""What steppers with noise share."""

from typing import Any

import equinox as eqx

from .._fields import as_parameter
from .._interfaces import AbstractNoiseStepper, AbstractStepper


def sigma() -> Any:
    """A field for the noise: a parameter, or a function as it is."""
    return eqx.field(converter=lambda x: x if callable(x) else as_parameter(x))


def check_drift(stepper: Any) -> None:
    """The noise comes once, so the drift must be solved by a method without."""
    if not isinstance(stepper.drift, AbstractStepper) or isinstance(stepper.drift, AbstractNoiseStepper):
        raise TypeError(
            f"{type(stepper).__name__}: `drift` must be a stepper without noise such as ExpEuler(), got {stepper.drift!r}."
        )
