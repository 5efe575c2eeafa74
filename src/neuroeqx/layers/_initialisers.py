"""Initial weights with which a layer is neither silent nor saturated."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .._current import as_current
from .._interfaces import AbstractCell, AbstractGradedCell, AbstractSpiking
from .._types import Initialiser, Key, State, Time
from .._voltage import voltage
from .._wrappers import Refractory
from ..connect import normal
from ._cells import as_receptor, Cells, check_cells
from ._counted import Counted
from ._feedforward import Feedforward


def fluctuation_driven(
    cell: Any, synapse: Any = None, *, inputs: int, rate: float, std: float, mean: float = 0.0, dt: float = 1.0
) -> Initialiser:
    r"""Weights with which Poisson inputs give the membrane, without its threshold, a mean and a standard deviation.

    With the response $\epsilon_s$ of the membrane to a spike of weight 1, s steps later, and $\lambda$ spikes of an input in a
    step, $\mu_U - v_{rest} = n \mu_W \lambda \sum_s \epsilon_s$ and $\sigma_U^2 = n (\sigma_W^2 + \mu_W^2) \lambda \sum_s
    \epsilon_s^2$ (Rossbroich, Gygax & Zenke 2022, there with integrals): the variance over time, of the average neuron. The
    responses are those of the cells themselves, linear about rest.

    ```python
    draw = fluctuation_driven(LIF(tau=10.0), Expon(5.0), inputs=700, rate=15.0, std=1.0)
    linear = eqx.tree_at(lambda l: l.weight, linear, draw(key, linear.weight.shape))
    ```

    **Arguments:**

    - `cell`, `synapse`, `dt`: as in `Feedforward`; the cell's parameters are numbers.
    - `inputs`: n, the number of inputs of a neuron.
    - `rate`: of each, Hz.
    - `mean`, `std`: of the membrane, its mean counted from rest, mV. With the threshold one above rest, `std` = 1 is what the
        paper recommends.

    **Returns:** a function `(key, shape)` that draws normal weights, for `eqx.nn` and for `connect`.

    **Errors:** `ValueError` if weights of that mean fluctuate more than `std` already.
    """
    mu, sd = _moments(cell, synapse, inputs, rate, std, mean, dt)
    if not sd > 0.0:
        raise ValueError(
            f"fluctuation_driven: equal weights that give the mean {mean:g} make the membrane fluctuate by more than `std` = "
            f"{std:g} already; with {inputs} inputs of {rate:g} Hz."
        )
    return normal(mu, sd)


def _moments(
    cell: Any, synapse: Any, inputs: int, rate: float, std: float, mean: float, dt: float
) -> tuple[float, float]:
    """Mean and standard deviation of weights; that is NaN where there is none."""
    response = _response(cell, synapse, dt)
    events = inputs * rate * dt / 1000.0
    if not events > 0.0:
        raise ValueError(f"There must be spikes: got {inputs} inputs of {rate:g} Hz.")
    mu = mean / (events * float(jnp.sum(response)))
    variance = std**2 / (events * float(jnp.sum(response**2))) - mu**2
    return mu, variance**0.5 if variance >= 0.0 else float("nan")


class _Quiet(AbstractCell):
    """A cell that does not fire."""

    cell: Any

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> State:
        return self.cell.init(shape, key=key)

    def step(
        self, state: State, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Float[Array, "..."]]:
        if isinstance(self.cell, AbstractGradedCell):
            return self.cell.step(state, input, dt=dt, t=t, key=key)
        after = self.cell.integrate(state, as_current(input), dt=dt, t=t, key=key)
        return after, voltage(after)


def _response(cell: Any, synapse: Any, dt: float) -> Float[Array, " steps"]:
    """The voltage after a spike of weight 1, at rest and without a threshold, until it is over."""
    receptor = as_receptor("fluctuation_driven", synapse)
    check_cells("fluctuation_driven", cell, receptor, dt)
    while isinstance(cell, Refractory | Counted):
        cell = cell.cell
    if not isinstance(cell, AbstractSpiking | AbstractGradedCell):
        raise TypeError(f"fluctuation_driven: `cell` must be a neuron or a graded cell, got {type(cell).__name__}.")
    cells = Cells(_Quiet(cell), receptor, dt)

    def run(steps: int) -> Array:
        def voltages(size: Array) -> Array:
            x = jnp.zeros(steps).at[0].set(size)
            step = lambda state, x: (lambda after: (after, after.v))(cells.step(state, x[0], x[1], None)[0])
            return lax.scan(step, cells.init((), None), (x, jnp.arange(steps, dtype=jnp.int32)))[1]

        return jax.jvp(voltages, (jnp.zeros(()),), (jnp.ones(()),))[1]

    steps, response = 128, None
    while response is None or float(jnp.abs(response[-steps // 4 :]).max()) > 1e-4 * float(jnp.abs(response).max()):
        steps *= 4
        if steps > 10**6:
            raise ValueError("fluctuation_driven: the response of this cell to a spike does not come to an end.")
        response = jax.jit(run, static_argnums=0)(steps)
    return response


def rate_driven(
    cell: Any,
    synapse: Any = None,
    *,
    inputs: int,
    rate: float,
    target: float,
    mean: float = 0.0,
    dt: float = 1.0,
    key: Key,
) -> Initialiser:
    """Weights with which Poisson inputs make cells fire at a rate, on average over neurons and time.

    Their standard deviation is searched for by simulating a layer (500 neurons, 1,200 steps) in which what arrives is normal,
    of the mean and variance of the inputs' sum, in time and between neurons; so for any cell, with reset and refractoriness.

    **Arguments:**

    - `target`: rate of the cells, Hz.
    - `key`: of the simulation.
    - all others: as in `fluctuation_driven`.

    **Returns:** as `fluctuation_driven`.

    **Errors:** `ValueError` if no weights of that mean make the cells fire so.
    """
    events = inputs * rate * dt / 1000.0
    unit = _moments(cell, synapse, inputs, rate, 1.0, 0.0, dt)[1]
    mu = _moments(cell, synapse, inputs, rate, 1.0, mean, dt)[0]
    layer = Feedforward(None, Counted(cell), synapse, dt=dt)
    own, noise = jr.normal(jr.fold_in(key, 0), (1, 500)), jr.normal(jr.fold_in(key, 1), (1200, 500))

    @jax.jit
    def fires(sd: Array) -> Array:
        # Each neuron has drawn weights of another sum, so what arrives differs in its mean too.
        mean = events * (mu + sd / inputs**0.5 * own)
        x = mean + jnp.sqrt(events * (sd**2 + mu**2)) * noise
        _, early = layer.run(x[:200])
        _, late = layer.run(x[200:], early)
        return jnp.mean(late.cell.count - early.cell.count) / (1000 * dt / 1000.0)

    low, high = 0.0, unit
    while float(fires(jnp.asarray(high))) < target:
        low, high = high, 2.0 * high
        if high > 1e6 * unit:
            raise ValueError(f"rate_driven: the cells do not reach {target:g} Hz, whatever the weights.")
    if float(fires(jnp.asarray(low))) > target:
        raise ValueError(f"rate_driven: the cells fire at more than {target:g} Hz by the `mean` = {mean:g} alone.")
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(fires(jnp.asarray(middle))) < target else (low, middle)
    return normal(mu, 0.5 * (low + high))
