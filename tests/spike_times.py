"""Times of spikes between the steps, of our cells and of equations written separately, for tests of models."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from scipy.integrate import solve_ivp
from scipy.optimize import brentq


@eqx.filter_jit
def _run(cell, x, steps, dt):
    def step(state, _):
        after, spike = cell.step(state, x, dt=dt)
        return after, (state.v, after.v, spike)

    return lax.scan(step, cell.init(x.shape), None, length=steps)[1]


def ours(cell, currents, t1, dt):
    """Of each current the times at which a cell from rest fires, on the line between the voltages around the threshold;
    and the voltages, `[step, current]`."""
    x = jnp.asarray(currents, dtype=float)
    before, after, spikes = map(np.asarray, _run(cell, x, round(t1 / dt), dt))
    level = float(cell.v_th)
    times = []
    for i in range(len(x)):
        steps = np.flatnonzero(spikes[:, i])
        a, b = before[steps, i], after[steps, i]
        times.append((steps + (level - a) / (b - a)) * dt)
    return times, after


def theirs(field, y0, current, t1, level, **options):
    """The times at which the first variable of `y' = field(t, y, current)` crosses `level` upwards, and the solution as a
    function of time."""

    def up(t, y, current):
        return y[0] - level

    up.direction = 1
    options = {"method": "LSODA", "rtol": 1e-9, "atol": 1e-9, "dense_output": True, "events": up} | options
    found = solve_ivp(field, (0.0, t1), y0, args=[current], **options)
    return found.t_events[0], found.sol


def largest_difference(a, b):
    """Of two lists of times, which must be equally long and not empty."""
    assert len(a) == len(b) > 0, f"{len(a)} and {len(b)} spikes"
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def rest(cell):
    """The variables at which the cell begins."""
    return np.array(jtu.tree_leaves(jax.jit(lambda: cell.init(()))()))


def hopf_current(make, low, high, c=1.0):
    """The current at which the steady state begins or ceases to oscillate: where the eigenvalues of the derivative of the
    vector field cross the imaginary axis.

    The steady state is that of `make(v_rest=v)`, for a v between `low` and `high`; `c` is the capacitance.
    """
    cell = make()

    @jax.jit
    def at(v):
        leaves, tree = jtu.tree_flatten(make(v_rest=v).init(()))
        field = lambda y: jnp.stack(jtu.tree_leaves(cell.vector_field(0.0, tree.unflatten(y), jnp.zeros_like)))
        return -c * field(jnp.stack(leaves))[0], jax.jacfwd(field)(jnp.stack(leaves))

    v = brentq(lambda v: np.linalg.eigvals(at(v)[1]).real.max(), low, high, xtol=1e-12)
    return float(at(v)[0])
