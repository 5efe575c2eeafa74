"""Noise of several variables, by their names."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array

from .._fields import as_parameter, check_finite
from .._types import is_tracer, Time, Y


class Amplitudes(eqx.Module):
    r"""Noise of a cell's variables by their names, for the `sigma` of `EulerMaruyama`, `Milstein` and `StochasticHeun`.

    ```python
    nex.rates.WilsonCowan(stepper=nex.StochasticHeun(nex.steppers.Amplitudes(e=0.02, i=0.01)))
    ```

    Variables that are not named have no noise. Amplitudes do not depend on the state, and are trainable.

    **Arguments:**

    - `amplitudes`: as keywords, by the field of the cell's state: numbers, or arrays that broadcast against the population, not
        negative, in units of the variable per square root of ms.
    """

    values: dict[str, Array]

    def __init__(self, **amplitudes: Any):
        self.values = {name: as_parameter(value) for name, value in sorted(amplitudes.items())}

    def __check_init__(self) -> None:
        check_finite(self)
        for name, value in self.values.items():
            if eqx.is_array(value) and not is_tracer(value) and not np.all(np.asarray(value) >= 0.0):
                raise ValueError(f"Amplitudes: `{name}` must be finite and not negative, got {value}.")

    def __call__(self, t: Time, y: Y) -> Y:
        del t
        fields = vars(y) if isinstance(y, eqx.Module) else {}
        unknown = set(self.values) - set(fields)
        if unknown:
            raise ValueError(
                f"Amplitudes: the state {type(y).__name__} has no variable {sorted(unknown)[0]!r}; it has {sorted(fields)}."
            )
        names = list(fields)
        given = [self.values.get(name) for name in names]
        return eqx.tree_at(lambda s: [getattr(s, name) for name in names], y, given, is_leaf=lambda x: x is None)
