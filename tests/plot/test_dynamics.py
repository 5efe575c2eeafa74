"""Phase planes and bifurcation diagrams: what is drawn and where."""

import matplotlib


matplotlib.use("Agg")

import jax.numpy as jnp
import matplotlib.pyplot as plt
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import analysis


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def branch():
    """A stable part, a fold, an unstable one."""
    x = np.linspace(-1.0, 1.0, 9)
    fold = analysis.Fold(jnp.zeros(1), jnp.zeros(()))
    return analysis.Branch(-(x**2), x[:, None], (2.0 * x[:, None]).astype(complex), (fold,), (), (), ("v",))


def test_bifurcation_diagrams_show_stability_special_points_and_cycles():
    states = jnp.array([[-3.0], [4.0], [0.0]])
    cycle = analysis.LimitCycle(states[0], jnp.array(2.0), jnp.array([1.0 + 0j]), jnp.arange(3.0), states)
    ax = nex.plot.bifurcation(branch(), "v", [(-0.5, cycle)], xlabel="current")
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["stable"].get_ydata().max() < 0.0 and lines["stable"].get_linestyle() == "-"
    # The unstable part begins where the stable one ends, and a point that is neither is not stable.
    assert (
        lines["unstable"].get_ydata()[0] == lines["stable"].get_ydata()[-1]
        and lines["unstable"].get_linestyle() == "--"
    )
    assert (*lines["fold"].get_xdata(), *lines["fold"].get_ydata()) == (0.0, 0.0)
    assert list(lines["stable cycle"].get_xdata()) == [-0.5, -0.5] and list(lines["stable cycle"].get_ydata()) == [
        -3.0,
        4.0,
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("current", "v")
    with pytest.raises(ValueError, match="no variable 'w'"):
        nex.plot.bifurcation(branch(), "w")


def test_phase_planes_show_nullclines_points_and_trajectories():
    u, w = np.linspace(0.0, 1.0, 5), np.linspace(0.0, 2.0, 4)
    du, dw = np.broadcast_to(u - 0.5, (4, 5)), np.broadcast_to(w[:, None] - 1.0, (4, 5))
    curves = np.array([[0.5, 0.0], [0.5, 2.0]]), np.array([[0.0, 1.0], [1.0, 1.0]])
    plane = analysis.PhasePlane(u, w, du, dw, (curves[0],), (curves[1],), ("v", "w"))
    x = np.array([[0.5, 1.0], [0.2, 0.3]])
    points = analysis.FixedPoints(
        x, np.zeros(2), np.array([[1.0, 1.0], [-1.0, -2.0]], complex), ("unstable node", "stable node")
    )
    ax = nex.plot.phase_plane(plane, points, [x])
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["dv/dt = 0"].get_xydata(), curves[0])
    np.testing.assert_array_equal(lines["dw/dt = 0"].get_xydata(), curves[1])
    np.testing.assert_array_equal(lines["trajectory"].get_xydata(), x)
    circles = [line for line in ax.lines if line.get_marker() == "o"]
    assert [c.get_markerfacecolor() for c in circles] == ["white", "black"]
    assert ax.get_xlim() == (0.0, 1.0) and ax.get_ylim() == (0.0, 2.0)
