"""The Yin-Yang dataset against the areas and outlines of the symbol."""

import functools

import jax
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from matplotlib.path import Path
from scipy import stats


def arc(centre, radius, start, stop):
    angle = np.linspace(start, stop, 301) * np.pi
    return np.stack([centre + radius * np.cos(angle), 0.5 + radius * np.sin(angle)], 1)


def outline():
    """The upper half as a polygon: over the whole circle, then back, below the left dot and above the right one."""
    return Path(np.concatenate([arc(0.5, 0.5, 0.0, 1.0), arc(0.25, 0.25, 1.0, 2.0), arc(0.75, 0.25, 1.0, 0.0)]))


def square(n):
    """Points on a grid over the unit square."""
    return (np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1).reshape(-1, 2) + 0.5) / n


def expected(points, dot_radius):
    """Classes by polygons and distances."""
    label = outline().contains_points(points).astype(int)
    for centre in (0.25, 0.75):
        label[((points - [centre, 0.5]) ** 2).sum(1) < dot_radius**2] = 2
    return np.where(((points - 0.5) ** 2).sum(1) <= 0.25, label, -1)


@pytest.mark.parametrize("dot_radius", [0.1, 0.2])
def test_classes(x64, dot_radius):
    n = 400
    points = square(n)
    found = np.asarray(nex.tasks.yin_yang_class(points[:, 0], points[:, 1], dot_radius))
    assert (found != expected(points, dot_radius)).mean() < 1e-4  # the polygon's chords
    # Areas: half of the circle each, the two dots taken off.
    dots = 2.0 * np.pi * dot_radius**2
    areas = [np.pi / 8.0 - dots / 2.0, np.pi / 8.0 - dots / 2.0, dots]
    np.testing.assert_allclose([(found == k).mean() for k in range(3)], areas, rtol=2e-3)
    # A turn by 180 degrees exchanges the halves.
    turned = found.reshape(n, n)[::-1, ::-1].reshape(-1)
    np.testing.assert_array_equal(turned[found == 1], 0)
    np.testing.assert_array_equal(turned[found == 2], 2)
    # Points of either half that a picture shows.
    where = lambda x, y: int(nex.tasks.yin_yang_class(np.array(x), np.array(y), dot_radius))
    assert where(0.5, 0.95) == where(0.25, 0.27) == 1
    assert where(0.5, 0.05) == where(0.75, 0.73) == 0
    assert where(0.25, 0.5) == where(0.75, 0.5) == 2
    assert where(0.02, 0.02) == -1


def test_samples(dtype):
    draw = jax.jit(jax.vmap(functools.partial(nex.tasks.yin_yang, samples=8000)))
    inputs, labels = (np.asarray(x) for x in draw(jr.split(jr.key(0), 2)))
    assert inputs.shape == (2, 8000, 4)
    assert inputs.dtype == dtype
    assert not np.array_equal(inputs[0], inputs[1])
    np.testing.assert_allclose(inputs[..., :2] + inputs[..., 2:], 1.0, rtol=1e-6)
    for y in labels:
        assert sorted(np.bincount(y)) == [2666, 2667, 2667]
        # In random order: no label follows another more often.
        assert stats.chi2_contingency(np.histogram2d(y[:-1], y[1:], 3)[0]).pvalue > 1e-4
    x, y = inputs.reshape(-1, 4).astype(float), labels.reshape(-1)
    assert (expected(x[:, :2], 0.1) != y).sum() <= 4
    # Uniform within a class: the cells of a grid have samples as they have area.
    grid = square(300)
    classes = expected(grid, 0.1)
    for k in range(3):
        edges = np.linspace(0.0, 1.0, 11 if k == 2 else 6)
        area = np.histogram2d(*grid[classes == k].T, (edges, edges))[0].reshape(-1)
        count = np.histogram2d(*x[y == k, :2].T, (edges, edges))[0].reshape(-1)
        big = area > 0.005 * area.sum()
        share = np.append(area[big], area[~big].sum()) + 1e-9
        seen = np.append(count[big], count[~big].sum())
        assert stats.chisquare(seen, share / share.sum() * seen.sum()).pvalue > 1e-4
    # Two dots, each as often.
    assert abs((x[y == 2, 0] < 0.5).mean() - 0.5) < 4.0 * np.sqrt(0.25 / (y == 2).sum())
