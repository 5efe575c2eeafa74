"""The fly's eye as a network, the edges it is shown, and what its motion detectors answer."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, Int

from .. import connect
from .._fields import as_parameter, param
from .._interfaces import AbstractDrive
from .._record import Recorder, voltage
from .._simulate import simulate, Solution
from .._types import Key, Parameter, State
from ..network import Network, Population, Projection, Receptor
from ..neurons import Graded
from ..steppers import Euler
from ..synapses import CUBA, Instant
from ._fly_data import Eye


DT = 5.0  # ms
GREY = 1000.0  # ms of grey before an edge comes
STEPS = 411  # from the entry of an edge until 1 s after it has passed
CHUNK = 137  # steps between two reports of progress
SPEED = 19.0  # half-ommatidia per second
DIRECTIONS = tuple(range(0, 360, 30))  # degrees, counter-clockwise, 0 to the right
LUMINANCE = {"ON": 1.0, "OFF": 0.0}  # of the edges, on a grey of 0.5
# The direction of motion to which each type of detector is tuned in the living fly, degrees.
BIOLOGY = {"a": 180.0, "b": 0.0, "c": 90.0, "d": 270.0}
DETECTORS = tuple(f"T{layer}{letter}" for layer in "45" for letter in BIOLOGY)
_PHOTORECEPTORS = tuple(f"R{i}" for i in range(1, 9))


class MovingEdge(AbstractDrive):
    """A straight edge that moves over a grey field, as the photoreceptors of an eye see it.

    It enters at `onset`, `start` half-ommatidia from the centre along its direction of motion (everything behind it
    changes at once), and stays where it is at `stop`.

    **Arguments:**

    - `x`, `y`: where the columns look, in half-ommatidia.
    - `size`: the number of cells of the eye. Its first cells are the photoreceptors R1 to R8, each in every column.
    - `direction`: of motion, degrees.
    - `luminance`: behind the edge, 0 to 1.
    - `onset`: ms.
    - `start`, `stop`: half-ommatidia.
    - `speed`: half-ommatidia per second.
    - `grey`: the luminance before the edge.
    """

    size: int = eqx.field(static=True)
    x: Parameter = param()
    y: Parameter = param()
    direction: Parameter = param()
    luminance: Parameter = param()
    onset: Parameter = param(GREY)
    start: Parameter = param(-10.0)
    stop: Parameter = param(10.0)
    speed: Parameter = param(SPEED)
    grey: Parameter = param(0.5)

    def light(self, t: Float[Array, ""]) -> Float[Array, " columns"]:
        """The luminance of each column at time `t`, ms."""
        angle = jnp.deg2rad(self.direction)
        along = jnp.cos(angle) * self.x + jnp.sin(angle) * self.y
        front = jnp.minimum(self.start + self.speed * ((t - self.onset) / 1000.0), self.stop)
        # A column is reached a little before its centre is, so that rounding cannot delay it by a step.
        return jnp.where((along <= front + 1e-3) & (t >= self.onset), self.luminance, self.grey)

    def __call__(self, t: Float[Array, ""], *, dt: float, key: Key | None = None) -> Float[Array, " size"]:
        del dt, key
        light = jnp.tile(self.light(t), len(_PHOTORECEPTORS))
        return jnp.pad(light, (0, self.size - light.shape[0]))


def network(eye: Eye) -> Network:
    r"""The eye as a network of one population, "eye", and one projection.

    $\tau_i\, dV_i/dt = -V_i + b_i + \sum_j W_{ji} \max(V_j, 0) + \text{light}_i$, by the explicit Euler method, with
    time constants of at least one step.
    """
    tau = np.maximum(eye.tau, DT)
    cell = Graded(tau=as_parameter(tau), bias=as_parameter(eye.bias), stepper=Euler())
    population = Population(cell, eye.size, {"syn": Receptor(Instant(), CUBA())})
    wiring = connect.from_edges(eye.pre, eye.post, eye.weight)
    return Network({"eye": population}, [Projection("eye", "eye", "syn", wiring)])


def edge(eye: Eye, direction: float, luminance: float, **kwargs: float) -> MovingEdge:
    """An edge for this eye; further arguments as those of `MovingEdge`."""
    x, y = eye.positions("R1")
    if any(eye.cells(name) != slice(k * len(x), (k + 1) * len(x)) for k, name in enumerate(_PHOTORECEPTORS)):
        raise ValueError("The first cells of the eye must be R1 to R8, each in every column.")
    shown = {"direction": direction, "luminance": luminance, **kwargs}
    return MovingEdge(x=as_parameter(x), y=as_parameter(y), size=eye.size, **jtu.tree_map(as_parameter, shown))


class Sweep(NamedTuple):
    """What one edge that crosses the whole eye leaves behind, for a picture.

    - `ts`: ms since the edge entered.
    - `light`: [samples, columns].
    - `change`: by cell type, the voltage minus that under grey, [samples, columns].
    """

    ts: np.ndarray
    light: np.ndarray
    change: dict[str, np.ndarray]


class Result(NamedTuple):
    """What the motion detectors did.

    - `grey`: their voltage after the time of grey, [detectors].
    - `voltage`: of those at the centre of the eye, [polarities, directions, steps, detectors].
    - `compile_s`, `run_s`: seconds spent on compiling and on simulating, the sweeps not included.
    - `steps`: the number of steps of each condition, grey included.
    """

    grey: Float[np.ndarray, " detectors"]
    voltage: Float[np.ndarray, "polarities directions steps detectors"]
    compile_s: float
    run_s: float
    steps: int

    @property
    def response(self) -> Float[np.ndarray, "polarities directions detectors"]:
        """The peak of the voltage minus its level under grey."""
        return self.voltage.max(axis=2) - self.grey

    def tuning(self) -> dict[str, Float[np.ndarray, " directions"]]:
        """The response of each detector to the edges it is made for, T4 to ON and T5 to OFF; not below zero."""
        response = np.maximum(self.response, 0.0)
        return {name: response[int(name[1] == "5"), :, k] for k, name in enumerate(DETECTORS)}

    def preferred(self) -> dict[str, float]:
        """The preferred direction of each detector, degrees: the angle of the sum of its responses as vectors."""
        unit = np.exp(1j * np.deg2rad(DIRECTIONS))
        return {name: float(np.rad2deg(np.angle(curve @ unit)) % 360.0) for name, curve in self.tuning().items()}


class _Stopwatch:
    """Seconds spent on calls, in two accounts."""

    def __init__(self):
        self.seconds = {"compile": 0.0, "run": 0.0}

    def __call__(self, account: str, function: Callable[..., Any], *args: Any) -> Any:
        start = time.perf_counter()
        result = jax.block_until_ready(function(*args))
        self.seconds[account] += time.perf_counter() - start
        return result


def experiment(
    eye: Eye, shown: tuple[str, ...] = (), report: Callable[[str], None] = lambda text: None
) -> tuple[Result, dict[float, Sweep]]:
    """Show ON and OFF edges in all directions, together as one batch, and two ON edges for a picture.

    **Arguments:**

    - `shown`: cell types to picture while an ON edge crosses the whole eye upwards (90 degrees), then downwards (270);
        none by default, and then no such edges.
    - `report`: called with a line of text as the work goes on.

    **Returns:** the result, and the pictures by direction.
    """
    watch = _Stopwatch()
    net = network(eye)
    record = {name: voltage("eye", np.arange(eye.size)[eye.cells(name)]) for name in shown}

    def single(drive: MovingEdge, t0: float, t1: float, state: State | None) -> Solution:
        return simulate(net, t1, DT, {"eye": drive}, t0=t0, state=state, record=record)

    report("compiling the program for one eye")
    blank = edge(eye, 0.0, 0.5)
    # One program serves runs of every length, so a run of one step leaves it compiled.
    watch("compile", single, blank, 0.0, DT, None)
    report(f"one eye: {GREY / 1000:g} s of grey")
    grey = watch("run", single, blank, 0.0, GREY, None)

    cells = jnp.asarray([eye.central(name) for name in DETECTORS])
    traces = _batch(net, blank, cells, grey.state, watch, report)
    result = Result(
        grey=np.asarray(grey.state.populations["eye"].v[cells]),
        voltage=traces.reshape(len(LUMINANCE), len(DIRECTIONS), STEPS, len(DETECTORS)),
        compile_s=watch.seconds["compile"],
        run_s=watch.seconds["run"],
        steps=round(GREY / DT) + STEPS,
    )
    sweeps = {}
    for direction in (90.0, 270.0) if shown else ():
        report(f"one eye: an edge across all columns, towards {direction:g} degrees")
        reach = float(np.hypot(blank.x, blank.y).max()) + 2.0
        drive = edge(eye, direction, LUMINANCE["ON"], start=-reach, stop=reach)
        end = GREY + DT * round((2 * reach / SPEED * 1000.0 + 250.0) / DT)
        sol = single(drive, GREY, end, grey.state)
        sweeps[direction] = _sweep(drive, sol.records, grey.state.populations["eye"].v, eye)
    return result, sweeps


def _batch(
    net: Network,
    blank: MovingEdge,
    cells: Int[Array, " detectors"],
    grey: State,
    watch: _Stopwatch,
    report: Callable[[str], None],
) -> Float[np.ndarray, "conditions steps detectors"]:
    """The voltage of some cells under the edges of every polarity and direction, from the state under grey."""
    luminances, directions = (
        jnp.asarray(grid.ravel(), float) for grid in np.meshgrid(list(LUMINANCE.values()), DIRECTIONS, indexing="ij")
    )
    count = directions.shape[0]
    states = jtu.tree_map(lambda x: jnp.broadcast_to(x, (count, *x.shape)), grey)
    report(f"compiling the program for {count} eyes, one for each edge")
    arguments = (net, blank, {"central": voltage("eye", cells)}, directions, luminances)
    program = watch("compile", lambda: _show.lower(*arguments, jnp.zeros(()), states).compile())  # pyright: ignore
    traces = []
    for done in range(0, STEPS, CHUNK):
        report(f"{count} eyes: step {done} of {STEPS}")
        # Each part begins at time 0, so that one program serves them all: what has passed is in the onset.
        trace, states = watch("run", program, *arguments, jnp.asarray(-done * DT, float), states)
        traces.append(np.asarray(trace.values))
    return np.concatenate(traces, axis=1)


@eqx.filter_jit
def _show(
    net: Network,
    blank: MovingEdge,
    record: dict[str, Recorder],
    directions: Float[Array, " conditions"],
    luminances: Float[Array, " conditions"],
    onset: Float[Array, ""],
    states: State,
) -> tuple[Any, State]:
    """One part of the run of all conditions: what the recorder "central" kept, and where to go on from."""

    def one(direction: Float[Array, ""], luminance: Float[Array, ""], state: State) -> tuple[Any, State]:
        drive = eqx.tree_at(
            lambda edge: (edge.direction, edge.luminance, edge.onset), blank, (direction, luminance, onset)
        )
        sol = simulate(net, CHUNK * DT, DT, {"eye": drive}, record=record, state=state)
        return sol.records["central"], sol.state

    return eqx.filter_vmap(one)(directions, luminances, states)


def _sweep(drive: MovingEdge, records: Mapping[str, Any], grey: Float[Array, " cells"], eye: Eye) -> Sweep:
    samples = next(iter(records.values())).values.shape[0]
    ts = DT * np.arange(1, samples + 1)
    light = jax.jit(jax.vmap(drive.light))(jnp.asarray(GREY + ts - DT, float))
    change = {name: np.asarray(record.values) - np.asarray(grey)[eye.cells(name)] for name, record in records.items()}
    return Sweep(ts, np.asarray(light), change)
