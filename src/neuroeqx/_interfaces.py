"""The whole contract: every abstract class of the package, on one page.

A model is a tree of these Modules and holds parameters only. What changes in time is a separate tree, its *state*, made by
`init` and carried through `step` in the order of `jax.lax.scan`: `(state, input) -> (state, output)`.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from ._checks import check_below, check_not_negative
from ._current import Affine, as_current, current_at, jump_of
from ._fields import check_finite
from ._math import on_circle
from ._replace_gradient import replace_gradient
from ._types import Current, Key, Output, State, Time, VectorField, Y
from ._voltage import voltage, with_voltage


class AbstractDynamics(eqx.Module):
    """A closed dynamical system of known size: a `Population`, a `Network`, a source, a user's own model."""

    @abc.abstractmethod
    def init(self, *, dt: float, key: Key | None = None) -> State:
        """The state before the first step.

        **Arguments:**

        - `dt`: the time step, ms. Structures that count steps (delays) are sized by it.
        - `key`: randomness of the initial values, if there are any.
        """

    @abc.abstractmethod
    def step(
        self, state: State, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Output]:
        """Advance from `t` to `t + dt` under `input`, held constant over the step.

        **Returns:** the new state, of the same structure, shapes and dtypes, and the output of this step.
        """


class AbstractCell(eqx.Module):
    """Something with parameters and no size: a neuron, a synapse, a rate unit. Its methods are elementwise."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> State:
        """The state of an array of cells of the given `shape`, at rest."""

    @abc.abstractmethod
    def step(
        self, state: State, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Output]:
        """As `AbstractDynamics.step`, for each element of the state."""


class AbstractSpiking(AbstractCell):
    """A cell that spikes, its step in two halves, so that a wrapper can come between them: a neuron, or a wrapper that makes
    its spikes in another way."""

    @abc.abstractmethod
    def integrate(self, y: Y, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None) -> Y:
        """The subthreshold part of a step; `key` for its noise, if there is any."""

    @abc.abstractmethod
    def hold(self, before: Y, after: Y, held: Bool[Array, "..."]) -> Y:
        """The state after the subthreshold part of a step from `before` to `after`, where cells are refractory (`held`)."""

    @abc.abstractmethod
    def fire(
        self, before: Y, after: Y, allowed: Float[Array, "..."] | None = None, *, dt: float, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        """The spikes of a step that went from `before` to `after`, and the state after the reset.

        **Arguments:**

        - `allowed`: 1 where a spike may be emitted, 0 where not (refractory); everywhere if `None`.
        - `key`: randomness of the spikes, if there is any.
        """

    def step(
        self, state: Y, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        """Integrate over one step, then fire and reset.

        **Arguments:**

        - `input`: the membrane current: a function of the voltage, or an array or number for a constant one.

        **Returns:** the new state and the spikes, 0 or 1 in the float dtype.
        """
        after = self.integrate(state, as_current(input), dt=dt, t=t, key=key)
        return self.fire(state, after, dt=dt, key=key)


class AbstractNeuron(AbstractSpiking):
    """A neuron is three short methods: `vector_field`, `threshold` and `reset`."""

    stepper: eqx.AbstractVar["AbstractStepper"]
    surrogate: eqx.AbstractVar["AbstractSurrogate"]
    # False: the neuron fires in every step that ends with `threshold >= 0` (it is reset, so it leaves that region).
    # True: it is not reset, and fires in the step in which `threshold` crosses zero upwards.
    fires_on_crossing: ClassVar[bool] = False
    # Whether a refractory period holds the voltage. False where a spike moves the threshold only, and not the voltage.
    is_held_refractory: ClassVar[bool] = True
    # The parameter by which the equations bound the voltage at the end of an upstroke, if one does.
    bounded_by: ClassVar[str | None] = None

    @abc.abstractmethod
    def vector_field(self, t: Time, y: Y, current: Current) -> Y:
        """dy/dt at time `t` (ms), in units of y per ms, under the membrane current `current(v)`."""

    @abc.abstractmethod
    def threshold(self, y: Y) -> Float[Array, "..."]:
        """The distance above threshold: negative below, zero at threshold, positive above it."""

    @abc.abstractmethod
    def reset(self, y: Y, spike: Float[Array, "..."]) -> Y:
        """The state after a step in which `spike` (0 or 1 in the float dtype) was emitted.

        Write it with arithmetic on `spike`, as in `v + spike * (v_reset - v)`: gradients pass through it.
        """

    def integrate(self, y: Y, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None) -> Y:
        return _moved(self, y, current, dt, t, key)

    def hold(self, before: Y, after: Y, held: Bool[Array, "..."]) -> Y:
        if not self.is_held_refractory:
            return after
        return with_voltage(after, jnp.where(held, voltage(before), voltage(after)))

    def fire(
        self, before: Y, after: Y, allowed: Float[Array, "..."] | None = None, *, dt: float, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        del dt, key
        spike = self.surrogate(self.threshold(after))
        if self.fires_on_crossing:
            spike = spike * (self.threshold(before) < 0.0).astype(spike.dtype)
        if allowed is not None:
            spike = spike * allowed
        return self.reset(after, spike), spike


class AbstractGradedCell(AbstractCell):
    """A cell with a continuous output and no spikes: rate units, graded neurons, readouts."""

    stepper: eqx.AbstractVar["AbstractStepper"]
    # Whether the state is an angle, rad: it is kept between -pi and pi, so that long runs keep their precision.
    is_phase: ClassVar[bool] = False

    @abc.abstractmethod
    def vector_field(self, t: Time, y: Y, current: Current) -> Y:
        """As `AbstractNeuron.vector_field`."""

    @abc.abstractmethod
    def output(self, y: Y) -> Float[Array, "..."]:
        """What other cells receive."""

    def step(
        self, state: Y, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[Y, Float[Array, "..."]]:
        """Integrate over one step; the output is that of the new state. `input` as in `AbstractSpiking.step`."""
        y = _moved(self, state, as_current(input), dt, t, key)
        if self.is_phase:
            y = on_circle(y)
        return y, self.output(y)


def _moved(
    cell: "AbstractNeuron | AbstractGradedCell", y: Y, current: Current, dt: float, t: Time, key: Key | None
) -> Y:
    """A step under a current that receptors let decay within it, and at whose end the voltage may jump."""

    # Counted from the beginning of the step: late in a run a float32 cannot tell the stages of a step apart.
    def field(s: Time, y: Y, current: Current) -> Y:
        return cell.vector_field(t + s, y, current_at(current, s))

    def shifted(noise: Any) -> Any:
        g = noise.sigma
        return eqx.tree_at(lambda x: x.sigma, noise, lambda s, y: g(t + s, y)) if callable(g) else noise

    is_noise = lambda x: isinstance(x, AbstractNoiseStepper)
    stepper = jtu.tree_map(lambda x: shifted(x) if is_noise(x) else x, cell.stepper, is_leaf=is_noise)
    after = stepper(field, 0.0, dt, y, current, key=key)
    jump = jump_of(current)
    return after if jump is None else with_voltage(after, voltage(after) + jump)


class AbstractLinearSynapse(AbstractCell):
    """Linear, time-invariant kinetics: may be kept once per target neuron, whatever the number of synapses."""

    # Whether the output is constant over a step; otherwise steppers that look into a step see it `decay` there.
    is_held: ClassVar[bool] = False

    @abc.abstractmethod
    def decay(self, state: State, *, dt: Time) -> State:
        """`dt` without input: a step, or a part of one."""

    @abc.abstractmethod
    def inject(self, state: State, add: Callable[[Float[Array, "..."]], Float[Array, "..."]]) -> State:
        """The state with arrivals: `add` maps the variable that spikes enter to its new value."""

    @abc.abstractmethod
    def output(self, state: State) -> Float[Array, "..."]:
        """The conductance or current of each target."""

    def step(
        self, state: State, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Float[Array, "..."]]:
        """Decay, then add: an arrival acts at full weight in the step in which it arrives."""
        del t, key
        state = self.inject(self.decay(state, dt=dt), lambda g: g + input)
        return state, self.output(state)


class AbstractOutput(eqx.Module):
    """How the output of a synapse becomes a membrane current."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        """The current at voltage `v`."""

    @abc.abstractmethod
    def affine(self, g: Float[Array, "..."]) -> Affine | None:
        """The same current as `a - b v`, or `None` if it is not affine in the voltage."""


class AbstractCoupling(eqx.Module):
    """What a synapse of weight 1 passes from the voltage of its source and that of its target, both of which may be any
    cell's: electrical synapses, graded transmission, coupling of rates."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def __call__(self, pre: Float[Array, "..."], post: Float[Array, "..."]) -> Float[Array, "..."]:
        """What is passed, elementwise."""

    @abc.abstractmethod
    def affine(self, pre: Float[Array, "..."]) -> Affine | None:
        """The same as `a - b post`, with `a` a function of `pre` and `b` one number that does not depend on it (or `None`
        for zero), so that a product with the matrix is all it takes; `None` if it is not of this form."""


class AbstractStepper(eqx.Module):
    """A one-step integration method."""

    @property
    @abc.abstractmethod
    def order(self) -> int | float:
        """The power of dt with which the error over a given time falls; `neuroeqx.testing.check_order` holds it to that."""

    @abc.abstractmethod
    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        """The solution at `t + dt` of `y' = vector_field(t, y, args)` that starts from `y` at `t`; `key` for noise."""


class AbstractNoiseStepper(AbstractStepper):
    r"""A one-step method for $dy_i = f_i(t, y)\, dt + g_i(t, y)\, dW_i$, with a Brownian motion of its own for each variable
    of each cell. Its `order` is the strong one, that of errors along given paths."""

    # g, in units of y per square root of ms: an array, which is the noise of the voltage, or a function (t, y) to such an
    # array or to a tree like y.
    sigma: eqx.AbstractVar[Array | Callable[..., Any]]

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "sigma")

    @property
    @abc.abstractmethod
    def is_ito(self) -> bool:
        """Whether the integral is that of Ito, and not that of Stratonovich. They differ where g depends on y."""

    @abc.abstractmethod
    def advance(
        self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, dw: list[Float[Array, "..."] | None]
    ) -> Y:
        """The step along a given path: `dw` are the increments of the Brownian motions, one for each leaf of y."""

    def diffusion(self, t: Time, y: Y) -> list[Any]:
        """$g$ for each leaf of y, `None` for those without noise."""
        g = self.sigma(t, y) if callable(self.sigma) else self.sigma
        leaves, treedef = jtu.tree_flatten(y)
        if not eqx.is_array(g):
            return treedef.flatten_up_to(g)
        v = voltage(y)
        if not any(leaf is v for leaf in leaves):
            raise TypeError(
                f"{type(self).__name__}: the voltage of {type(y).__name__} is not a field of its own; let `sigma` be a "
                "function (t, y) to amplitudes of all variables."
            )
        return [g if leaf is v else None for leaf in leaves]

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        if key is None:
            raise ValueError(f"{type(self).__name__} needs randomness: pass `key` to `step` or `simulate`.")
        dw = [
            None if g is None else dt**0.5 * jax.random.normal(jax.random.fold_in(key, i), leaf.shape, leaf.dtype)
            for i, (g, leaf) in enumerate(zip(self.diffusion(t, y), jtu.tree_leaves(y), strict=True))
        ]
        return self.advance(vector_field, t, dt, y, args, dw)


class AbstractSurrogate(eqx.Module):
    """A spike function: a Heaviside step forwards, a smooth function's derivative backwards."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """The function whose derivatives, towards `x` and towards this module's parameters, stand in for those of
        the step."""

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """1 where `x >= 0`, else 0, in the dtype of `x`."""
        return replace_gradient((x >= 0.0).astype(x.dtype), self.smooth(x))


class AbstractReset(eqx.Module):
    """What a spike does to the voltage."""

    @abc.abstractmethod
    def __call__(
        self,
        v: Float[Array, "..."],
        spike: Float[Array, "..."],
        *,
        v_th: Float[Array, "..."],
        v_reset: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        """The voltage after `spike` (0 or 1)."""


class Row(NamedTuple):
    """The synapses of one source, on the host: `[synapses]` each. `delays` are in steps, `None` if they have none."""

    targets: np.ndarray
    weights: np.ndarray
    delays: np.ndarray | None


class AbstractConnectivity(eqx.Module):
    """A matrix of weights `W`, sources along its rows and targets along its columns."""

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """(number of sources, number of targets)."""

    @property
    @abc.abstractmethod
    def nnz(self) -> int:
        """The number of synapses."""

    @property
    def nbytes(self) -> int:
        """The memory of the matrix."""
        return sum(leaf.nbytes for leaf in jtu.tree_leaves(self) if eqx.is_array(leaf))

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        """The product `x @ W`. Sources with `x == 0` cost nothing."""

    @abc.abstractmethod
    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        """`out + x @ W`, in place where the backend can."""

    @property
    @abc.abstractmethod
    def T(self) -> "AbstractConnectivity":
        """The transposed matrix."""

    @abc.abstractmethod
    def todense(self) -> Float[Array, "pre post"]:
        """The whole matrix as an array."""

    @abc.abstractmethod
    def to_csr(self) -> "AbstractConnectivity":
        """The same synapses in compressed rows, a `connect.CSR`. Work for the host: only weights may be traced."""

    @abc.abstractmethod
    def row(self, i: int) -> Row:
        """The synapses of source `i`."""


class AbstractSparseConnectivity(AbstractConnectivity):
    """A matrix whose products walk along the rows of active sources, and whose synapses may have a delay each."""

    # The longest delay of a synapse, in steps; 0 if synapses have none of their own.
    horizon: eqx.AbstractVar[int]

    @abc.abstractmethod
    def deliver(
        self,
        out: Float[Array, " places"],
        x: Float[Array, " pre"],
        *,
        offset: Int[Array, ""] | None = None,
        active: tuple[Int[Array, " pre"], Int[Array, ""]] | None = None,
    ) -> Float[Array, " places"]:
        """`add_to` for the loop over time.

        **Arguments:**

        - `out`: without delays the targets, as in `add_to`. With delays a ring of future inputs, flattened from
            `[length, post]` with `length >= horizon`: a synapse of delay d adds to the row d - 1 after that at `offset`.
        - `x`: as in `add_to`.
        - `offset`: where in `out` the row of the inputs with delay 1 begins.
        - `active`: `ops.events.compact(x)`, so that several matrices can share it.
        """


class AbstractSynapses(eqx.Module):
    """Where the synapses of a matrix are, as learning rules see them: a rule is written once for every matrix that is stored.

    What synapses hold (weights, eligibilities) are arrays of `shape`, which is that of the matrix's weights. A `change`
    is an elementwise function of what a synapse holds, of the variables of its source and of those of its target.
    """

    # That of an array with a number for each synapse.
    shape: eqx.AbstractVar[tuple[int, ...]]

    @abc.abstractmethod
    def rows(
        self,
        change: Callable[..., Any],
        values: Float[Array, "..."],
        spikes: Float[Array, " pre"],
        pre: Any,
        post: Any,
        limits: tuple[Any, Any] = (None, None),
    ) -> Float[Array, "..."]:
        """The values plus `spikes[i] * change(value, pre[i], post[j])`, for every synapse from i to j.

        At the cost of the rows at which `spikes` is not zero, unless it is differentiated. The derivative is that of the
        formula, so surrogate derivatives of spikes pass.

        **Arguments:**

        - `change`: a method of a Module or another pytree: its parameters are differentiated too. Its values and
            derivatives must be finite, also where nothing fires.
        - `pre`, `post`: trees of vectors.
        - `limits`: the least and the greatest value, or `None`: what was changed is cut by `jnp.clip`.
        """

    @abc.abstractmethod
    def columns(
        self,
        change: Callable[..., Any],
        values: Float[Array, "..."],
        spikes: Float[Array, " post"],
        pre: Any,
        post: Any,
        limits: tuple[Any, Any] = (None, None),
    ) -> Float[Array, "..."]:
        """As `rows`, where targets fire: with `spikes[j]`."""

    @abc.abstractmethod
    def from_sources(self, x: Float[Array, " pre"]) -> Float[Array, "..."]:
        """For every synapse the value of its source."""

    @abc.abstractmethod
    def from_targets(self, y: Float[Array, " post"]) -> Float[Array, "..."]:
        """For every synapse the value of its target."""


class Side(NamedTuple):
    """The cells at one end of a projection, as a learning rule sees them in a step.

    - `output`: what arrived from sources in this step, after the delay, or what targets put out in it. `[cells]`
    - `seen`: the rule's variables of these cells.
    """

    output: Float[Array, " cells"]
    seen: Any


class AbstractPlasticity(eqx.Module):
    """A learning rule: variables of sources and targets, which move on in every step, and what they do to weights.

    What a source has put out counts when it arrives at the synapse, what a target puts out at once. In every step the
    variables of cells move on, then weights change. A rule's variables of a population exist once (for each delay),
    however many projections it belongs to.
    """

    # Weights are kept within these, if given; also the initial ones must lie there.
    w_min: eqx.AbstractVar[Float[Array, ""] | None]
    w_max: eqx.AbstractVar[Float[Array, ""] | None]
    # Whether `move_target` is given voltages, and a third factor: the input of this rule's name.
    needs_voltage: ClassVar[bool] = False
    is_modulated: ClassVar[bool] = False

    @property
    def modulators(self) -> dict[str, Any]:
        """Populations whose spikes are a third factor too, and what each spike adds to its integral over time."""
        return {}

    def __check_init__(self) -> None:
        check_finite(self)
        for name, value in vars(self).items():
            if eqx.is_inexact_array(value) and value.ndim:
                raise ValueError(f"{type(self).__name__}: `{name}` must be one number, got shape {value.shape}.")
        if self.w_min is not None and self.w_max is not None:
            check_below(self, "w_min", "w_max", "no weight would be allowed")

    @abc.abstractmethod
    def init_source(self, n: int) -> State:
        """The variables of `n` sources; `None` if there are none."""

    @abc.abstractmethod
    def init_target(self, n: int, v: Any) -> State:
        """The variables of `n` targets; `v`: their voltages, if `needs_voltage`."""

    @abc.abstractmethod
    def init_synapses(self, shape: tuple[int, ...]) -> State:
        """The variables of synapses besides their weights."""

    @abc.abstractmethod
    def move_source(self, state: State, arrived: Float[Array, " pre"], *, dt: float) -> tuple[Any, State]:
        """One step of the variables of sources, of which `arrived` reached the synapses in it.

        **Returns:** what `learn` is to see (in most rules the variables without what arrived just now), and the new state.
        """

    @abc.abstractmethod
    def move_target(
        self, state: State, output: Float[Array, " post"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Any, State]:
        """As `move_source`, of targets.

        **Arguments:**

        - `v`: their voltages at the end of the step, if `needs_voltage`.
        - `factor`: the third factor, a number for each; `None` where there is none.
        """

    @abc.abstractmethod
    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Float[Array, "..."], State]:
        """The weights, and the variables of synapses `own`, after a step."""


class AbstractRule(eqx.Module):
    """A recipe for a connectivity: what remains to be known is the two sizes and a key."""

    @abc.abstractmethod
    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> AbstractConnectivity:
        """Draw a matrix of shape `(n_pre, n_post)`."""


class AbstractDrive(eqx.Module):
    """A current as a function of time, for the `inputs` of `simulate`."""

    def __check_init__(self) -> None:
        check_finite(self)

    @abc.abstractmethod
    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Num[Array, "..."]:
        """The value held over the step that starts at `t`."""
