"""The connections between areas of a brain: weights, and the lengths of fibre tracts, which take time to travel."""

from typing import Any, NamedTuple

import numpy as np

from ._delays import in_steps
from ._given import from_edges, Given


class Connectome(NamedTuple):
    """A structural connectome.

    - `weights`: `[n, n]`, sources along rows; 0 where there is no tract.
    - `lengths`: of tracts, mm, `[n, n]`.
    - `positions`: of areas, mm: left to right, back to front, bottom to top. `[n, 3]`
    """

    weights: np.ndarray
    lengths: np.ndarray
    positions: np.ndarray


def tracts(weights: Any, lengths: Any, speed: float, dt: float) -> Given:
    """Connections from a matrix of weights, with the delays of tracts: length over speed, rounded to steps, at least one.

    For delays that are not rounded, and a speed that can be trained, `from_dense(weights)` and
    `Projection(delay=Interpolated(lengths / speed, longest))`.

    **Arguments:**

    - `weights`: `[n_pre, n_post]`, sources along rows (The Virtual Brain has targets there: transpose). What is not zero is
        a synapse.
    - `lengths`: of the tracts, mm, of the same shape. Only those of synapses matter.
    - `speed`: of conduction, mm/ms (the same number in m/s), positive.
    - `dt`: the time step of the simulations to come, ms.
    """
    weights, lengths = np.asarray(weights), np.asarray(lengths)
    if weights.ndim != 2 or lengths.shape != weights.shape:
        raise ValueError(
            "tracts: `weights` and `lengths` must be matrices of one shape, (sources, targets), got "
            f"{weights.shape} and {lengths.shape}."
        )
    if not (np.isfinite(speed) and speed > 0.0):
        raise ValueError(f"tracts: `speed` must be positive and finite, got {speed} mm/ms.")
    pre, post = np.nonzero(weights)
    chosen = lengths[pre, post]
    if not np.all(np.isfinite(chosen) & (chosen >= 0.0)):
        raise ValueError("tracts: `lengths` must be finite and not negative wherever there is a weight.")
    return from_edges(pre, post, weights[pre, post], *weights.shape, delay=in_steps(chosen / speed, dt))


def synthetic_connectome(
    regions: int, *, seed: int, density: float = 0.3, decay: float = 30.0, spread: float = 1.0, symmetric: bool = True
) -> Connectome:
    r"""A connectome made at random, with what is known of real ones: near areas are more often connected, and more strongly,
    by the exponential distance rule (Ercsey-Ravasz et al. 2013), with log-normal weights over orders of magnitude.

    Areas are spread over two hemispheres, each half of an ellipsoid of 140 x 170 x 120 mm, the second the mirror image of the
    first, and tracts between hemispheres pass through its middle. Mirrored areas count as four times nearer than they are,
    for the corpus callosum joins them. Weights are scaled so that areas receive 1 on average.

    **Arguments:**

    - `regions`: the number of areas, even, at least 4: first those of the left hemisphere, from back to front.
    - `seed`: of NumPy's generator.
    - `density`: the fraction of pairs that are connected.
    - `decay`: the distance over which probability and median weight fall by a factor e, mm.
    - `spread`: the standard deviation of the logarithm of weights.
    - `symmetric`: whether weights are the same in both directions, as tractography has them.
    """
    if isinstance(regions, bool) or not isinstance(regions, int | np.integer) or regions < 4 or regions % 2:
        raise ValueError(f"synthetic_connectome: `regions` must be an even whole number, at least 4, got {regions!r}.")
    if not 0.0 < density <= 1.0:
        raise ValueError(f"synthetic_connectome: `density` must be above 0 and at most 1, got {density}.")
    if not (decay > 0.0 and spread >= 0.0):
        raise ValueError(
            f"synthetic_connectome: `decay` must be positive and `spread` not negative, got {decay} and {spread}."
        )
    rng = np.random.default_rng(seed)
    positions = _positions(regions, rng)
    lengths = _lengths(positions)
    draw = _both_ways if symmetric else (lambda x: x)
    nearer = np.where(np.abs(np.subtract.outer(np.arange(regions), np.arange(regions))) == regions // 2, 0.25, 1.0)
    logarithm = -nearer * lengths / decay
    # The greatest of these sums are a draw without replacement, in proportion to the exponentials.
    score = logarithm + draw(rng.gumbel(size=lengths.shape))
    np.fill_diagonal(score, -np.inf)
    count = round(density * regions * (regions - 1))
    present = score >= np.sort(score, axis=None)[::-1][count - 1]
    weights = np.where(present, np.exp(logarithm + spread * draw(rng.normal(size=lengths.shape))), 0.0)
    return Connectome(weights / weights.sum(0).mean(), lengths, positions)


def _positions(regions: int, rng: np.random.Generator) -> np.ndarray:
    """Evenly spread over half of an ellipsoid (a spiral of Fibonacci's), and mirrored."""
    n = regions // 2
    z = 1.0 - (2.0 * np.arange(n) + 1.0) / n
    angle = np.pi / 2 + np.pi * (np.arange(n) * (np.sqrt(5.0) - 1.0) / 2 % 1.0)
    across = np.sqrt(1.0 - z * z)
    left = np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=1) * (70.0, 85.0, 60.0)
    left = left + rng.normal(0.0, 3.0, left.shape)
    left[:, 0] = np.minimum(left[:, 0], -5.0)
    left = left[np.argsort(left[:, 1])]
    return np.concatenate([left, left * (-1.0, 1.0, 1.0)])


def _lengths(positions: np.ndarray) -> np.ndarray:
    """Straight within a hemisphere, through the middle of the head between them."""
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    centre = np.linalg.norm(positions, axis=1)
    crosses = positions[:, None, 0] * positions[None, :, 0] < 0.0
    return np.where(crosses, centre[:, None] + centre[None], distance)


def _both_ways(x: np.ndarray) -> np.ndarray:
    upper = np.triu(x, 1)
    return upper + upper.T
