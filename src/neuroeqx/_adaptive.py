"""A cell that is integrated with error control between the steps of a network."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import optimistix as optx
from jaxtyping import Array, Bool, Float

from ._current import Affine, Course, current_at, jump_of
from ._fields import as_parameter
from ._interfaces import AbstractCell, AbstractNeuron, AbstractNoiseStepper, AbstractSpiking
from ._located import course, Start
from ._one_step import Field, Method
from ._replace_gradient import replace_gradient
from ._types import Current, Key, Time, Y
from ._voltage import voltage, with_voltage
from ._wrappers import Refractory


class Neuron(NamedTuple):
    """A spiking cell taken out of its wrapper, with its refractory period if it has one."""

    cell: AbstractNeuron
    t_ref: Float[Array, "..."] | None


def neuron_of(owner: str, cell: Any) -> Neuron:
    """The neuron that is to be integrated with located spikes, or an error if it cannot be."""
    t_ref = None
    if isinstance(cell, Refractory):
        cell, t_ref = cell.cell, cell.t_ref
    if not isinstance(cell, AbstractNeuron):
        raise TypeError(
            f"{owner}: `cell` must be a neuron (AbstractNeuron), or Refractory of one, got {type(cell).__name__}: spikes are "
            "where its threshold is crossed."
        )
    noisy = lambda x: isinstance(x, AbstractNoiseStepper)
    if any(map(noisy, jtu.tree_leaves(cell.stepper, is_leaf=noisy))):
        raise ValueError(
            f"{owner}: the `stepper` of `cell` has noise, along which errors cannot be controlled between spikes. "
            "Use simulate, or nex.noise_terms with diffrax.diffeqsolve."
        )
    return Neuron(cell, t_ref)


def method_of(
    owner: str,
    solver: diffrax.AbstractSolver | None,
    rtol: float,
    atol: float,
    max_step: float | None,
    max_steps: int,
) -> Method:
    """The method that a user has asked for, checked."""
    chosen: Any = diffrax.Tsit5() if solver is None else solver
    if isinstance(chosen, diffrax.AbstractImplicitSolver):
        finder: Any = chosen.root_finder
        if not isinstance(finder.rtol, float):  # to be told by whoever controls steps
            where = lambda s: (s.root_finder.rtol, s.root_finder.atol, s.root_finder.norm)
            chosen = eqx.tree_at(where, chosen, (rtol, atol, optx.rms_norm))
    method = Method(chosen, rtol, atol, max_step, max_steps)
    method.check(owner)
    return method


class AdaptiveState(eqx.Module):
    """Of `Adaptive`, each of the population's shape.

    - `cell`: the neuron's own state.
    - `since`: the time from the last spike to the end of the step, ms; infinite before the first. Differentiable.
    - `spikes`: 1 if it fired in the step, else 0.
    - `height`: how far it was above its threshold at that spike, or at the end of a step without.
    """

    cell: Y
    since: Float[Array, "..."]
    spikes: Float[Array, "..."]
    height: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Adaptive(AbstractSpiking):
    """Integrates a neuron with error control within each step of whatever it belongs to, and locates its spikes there.

    A network goes in steps of dt, in which spikes travel; within a step receptors go on decaying, and each neuron of the
    population takes as many steps of its own as it needs. A spike changes the neuron where its threshold is crossed and is
    sent at the end of the step; when it was is kept in the state. So the error of the neuron is that of its solver, while
    arrivals come in whole steps.

    ```python
    net = nex.Population(nex.Adaptive(nex.HodgkinHuxley(), rtol=1e-8, atol=1e-8), 10, {"ampa": ...})
    sol = nex.simulate(net, 100.0, 0.1)
    last = 100.0 - sol.state.cell.since  # times of the last spikes
    ```

    Derivatives of states and of `since` are those of the true solution, by the implicit function theorem at a crossing; that
    of a spike as an output is the surrogate's.

    **Arguments:**

    - `cell`: a neuron, or `Refractory` of one, whose period need not be a multiple of dt. Its stepper is not used.
    - `solver`, `rtol`, `atol`, `max_step`: as in `solve`.
    - `max_steps`: room for the steps within one of dt.

    **Errors:** while running, two spikes of a neuron in a step (dt is to be shorter), and more than `max_steps` steps.
    """

    cell: AbstractNeuron
    t_ref: Float[Array, "..."] | None
    method: Method

    def __init__(
        self,
        cell: AbstractCell,
        *,
        solver: diffrax.AbstractSolver | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        max_step: float | None = None,
        max_steps: int = 64,
    ):
        self.cell, self.t_ref = neuron_of("Adaptive", cell)
        self.method = method_of("Adaptive", solver, rtol, atol, max_step, max_steps)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> AdaptiveState:
        cell = self.cell.init(shape, key=key)
        v = voltage(cell)
        return AdaptiveState(cell, jnp.full_like(v, jnp.inf), jnp.zeros_like(v), self.cell.threshold(cell))

    def integrate(
        self, y: AdaptiveState, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> AdaptiveState:
        del key
        v = voltage(y.cell)
        shape, dtype = v.shape, v.dtype
        own, shared = _per_cell(current, v)
        arrays, rest = eqx.partition((self.cell, self.t_ref, y.cell, y.since, own), eqx.is_array)
        lanes = jtu.tree_map(lambda x: jnp.broadcast_to(x, shape).reshape(-1), arrays)
        step = jnp.asarray(dt, dtype)

        def one(lane: Any, i: Array) -> tuple[Y, Array, Array, Any]:
            cell, t_ref, before, since, own = eqx.combine(lane, rest)
            held_until = jnp.zeros((), dtype) if t_ref is None else t_ref - since
            field = Field(cell, _Within(own, shared, i, shape), t)
            start = Start(before, held_until, t_ref, step[None])
            # Less than a millionth of a step after its spike a cell may stand at its threshold, to rounding.
            found, counts = course(self.method, field, start, since <= 1e-6 * step, 1)
            last = jnp.where(counts.spikes > 0, step - found.times[0], since + step)
            return found.y, last, found.height, counts

        n = math.prod(shape)
        after, since, height, counts = jax.vmap(one)(lanes, jnp.arange(n, dtype=jnp.int32))
        since = eqx.error_if(
            since,
            jnp.any(counts.exhausted),
            f"Adaptive: more than {self.method.max_steps} steps of the solver in a step of dt = {dt:g} ms: raise `max_steps`, "
            "or the tolerances `rtol` and `atol`.",
        )
        whole = lambda x: x.reshape(shape)
        spikes = whole(counts.spikes).astype(dtype)
        moved = AdaptiveState(jtu.tree_map(whole, after), whole(since), spikes, whole(height))
        return _once(self._jumped(moved, current), dt)

    def _jumped(self, y: AdaptiveState, current: Current) -> AdaptiveState:
        """At the end of a step the voltage may jump, over the threshold too."""
        jump = jump_of(current)
        if jump is None:
            return y
        before = self.cell.threshold(y.cell)
        after = with_voltage(y.cell, voltage(y.cell) + jump)
        height = self.cell.threshold(after)
        fires = (before < 0.0) & (height >= 0.0)
        if self.t_ref is not None:
            fires = fires & (y.since >= self.t_ref)
        spike = fires.astype(height.dtype)
        return AdaptiveState(
            self.cell.reset(after, spike),
            jnp.where(fires, jnp.zeros_like(y.since), y.since),
            y.spikes + spike,
            jnp.where(y.spikes > 0.0, y.height, height),
        )

    def hold(self, before: AdaptiveState, after: AdaptiveState, held: Bool[Array, "..."]) -> AdaptiveState:
        raise TypeError(
            "Adaptive: a refractory period belongs inside, Adaptive(Refractory(cell, t_ref)), so that it begins at the spike."
        )

    def fire(
        self,
        before: AdaptiveState,
        after: AdaptiveState,
        allowed: Float[Array, "..."] | None = None,
        *,
        dt: float,
        key: Key | None = None,
    ) -> tuple[AdaptiveState, Float[Array, "..."]]:
        del dt, key
        smooth = self.cell.surrogate.smooth(after.height)
        if self.cell.fires_on_crossing:
            smooth = smooth * (self.cell.threshold(before.cell) < 0.0).astype(smooth.dtype)
        spike = replace_gradient(after.spikes, smooth)
        return after, spike if allowed is None else spike * allowed


def _once(y: AdaptiveState, dt: float) -> AdaptiveState:
    spikes = eqx.error_if(
        y.spikes,
        jnp.any(y.spikes > 1.0),
        f"Adaptive: a cell fired twice in a step of dt = {dt:g} ms, which sends one spike at most: make `dt` shorter.",
    )
    return AdaptiveState(y.cell, y.since, spikes, y.height)


class _Within(eqx.Module):
    """The current of the i-th cell over a step."""

    own: Any
    shared: Any
    i: Array
    shape: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, s: Time) -> Callable[..., Array]:
        if self.shared is None:
            return current_at(self.own, s)
        # Of a function of all voltages, one element of its value.
        return lambda v: jnp.broadcast_to(self.shared(jnp.broadcast_to(v, self.shape)), self.shape).reshape(-1)[self.i]


def _per_cell(current: Current, v: Float[Array, "..."]) -> tuple[Any, Any]:
    """A current whose arrays have an element for each cell; or a function as it is, which may be anything."""
    if isinstance(current, Affine):
        return Affine(as_parameter(current.a), current.b), None
    if isinstance(current, Course):
        return current, None
    return None, eqx.filter_closure_convert(current, v)
