"""Spiking neurons by SciPy alone, from event to event; and the same population in the package."""

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
from scipy.integrate import solve_ivp


def spike_times(field, y0, above, reset, t1):
    """Where `above(y)` crosses zero upwards in a system y' = field(y) that is then `reset`, from time 0 to `t1`."""
    event = lambda t, y: above(y)
    event.terminal, event.direction = True, 1
    t, y, found = 0.0, np.asarray(y0, float), []
    while True:
        part = solve_ivp(
            lambda t, y: field(y), (t, t1), y, "DOP853", None, False, event, rtol=1e-8, atol=1e-8, first_step=1e-3
        )
        if part.status != 1:
            return np.array(found)
        t, y = part.t[-1], np.asarray(reset(part.y[:, -1]), float)
        found.append(t)


def simulated(cell, currents, t1, dt, **options):
    """For each current the ends of the steps in which a cell spikes."""
    currents = jnp.asarray(currents, float)
    model = nex.Population(cell, currents.size)
    spikes = nex.simulate(model, t1, dt, currents, record={"s": nex.spikes()}, **options).records["s"]
    return [(np.asarray(spikes.steps)[np.asarray(spikes.neurons) == i] + 1) * dt for i in range(currents.size)]


def worst(found, exact):
    """The largest difference between spike times, cell by cell; infinite if the numbers of spikes differ."""
    if [len(x) for x in found] != [len(x) for x in exact]:
        return np.inf
    return max(np.abs(x - y).max(initial=0.0) for x, y in zip(found, exact, strict=True))
