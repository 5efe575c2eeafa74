"""How many compartments a branch has."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._morphology import Morphology


class MaxLength:
    """Compartments that are no longer than this.

    **Arguments:**

    - `length`: um, positive.
    """

    def __init__(self, length: float):
        if not length > 0.0:
            raise ValueError(f"MaxLength: `length` must be positive, got {length!r} um.")
        self.length = float(length)

    def __call__(self, morphology: Morphology, branch: int) -> int:
        return max(1, int(np.ceil(morphology.branches[branch].length / self.length - 1e-9)))


class DLambda:
    r"""Compartments that are no longer than a part of the length constant of alternating current (Carnevale & Hines 2006),
    $\lambda_f = \frac{1}{2} \sqrt{\frac{d}{\pi f R_a C_m}}$, which is taken along the branch's changing diameter. Their
    number is odd,
    so that a compartment has its centre in the middle of the branch.

    **Arguments:**

    - `part`: of the length constant, dimensionless, positive.
    - `frequency`: $f$, Hz, positive.
    - `ra`: $R_a$, ohm cm, as `Compartments.values` takes it.
    - `cm`: $C_m$, uF/cm2, likewise.
    """

    def __init__(self, part: float = 0.1, *, frequency: float = 100.0, ra: Any = 100.0, cm: Any = 1.0):
        for name, x in (("part", part), ("frequency", frequency)):
            if not x > 0.0:
                raise ValueError(f"DLambda: `{name}` must be positive, got {x!r}.")
        self.part, self.frequency, self.ra, self.cm = float(part), float(frequency), ra, cm

    def __call__(self, morphology: Morphology, branch: int) -> int:
        ra, cm = (self._value(name, morphology, branch) for name in ("ra", "cm"))
        piece = morphology.branches[branch]
        unit = 0.5e5 * np.sqrt(1.0 / (np.pi * self.frequency * ra * cm))
        electrotonic = piece.length * piece.mean_of_root_diameter() / unit
        return 2 * int((electrotonic / self.part + 0.9) / 2.0) + 1

    def _value(self, name: str, morphology: Morphology, branch: int) -> float:
        region = morphology.branches[branch].region
        distance = morphology.distance(branch, 0.5)
        value = float(np.squeeze(value_at(f"DLambda: `{name}`", getattr(self, name), region, distance, None)))
        if not value > 0.0:
            raise ValueError(f"DLambda: `{name}` must be positive, got {value!r} in region {region!r}.")
        return value


def value_at(owner: str, value: Any, region: str, distance: Any, default: Any) -> np.ndarray:
    """What `Compartments.values` takes, at distances (um) within a region."""
    if isinstance(value, Mapping):
        if region not in value and default is None:
            raise ValueError(f"{owner} has no value for region {region!r}, only for {sorted(value)}.")
        value = value.get(region, default)
    if isinstance(value, Callable):
        found = np.asarray(value(np.asarray(distance, np.float64)), np.float64)
    else:
        found = np.asarray(value, np.float64)
    try:
        return np.broadcast_to(found, np.shape(distance))
    except ValueError:
        raise ValueError(
            f"{owner} gives an array of shape {found.shape} for {np.shape(distance)} distances in region {region!r}."
        ) from None
