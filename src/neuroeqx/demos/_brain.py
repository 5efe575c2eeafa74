"""A whole brain whose coupling and local dynamics are fitted, by gradients, to a functional connectivity.

Areas are oscillators beside a Hopf bifurcation (Deco et al. 2017), noisy, and connected by fibre tracts with delays. Which
areas go together is measured in a simulation, so its distance from a target is a function of the parameters, and is
differentiated through all time steps. Without data the target is that of a brain with other parameters, which the fit does
not see, and with another noise.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jaxtyping import Array, Float

from .. import connect, measure
from .._record import output
from .._simulate import simulate
from .._types import Key
from ..network import Network, Population, Projection, Receptor
from ..rates import StuartLandau
from ..steppers import Amplitudes, EulerMaruyama, RK4
from ..synapses import CUBA, Instant
from ._options import count, figure_path


DT = 5.0  # ms
SPEED = 10.0  # mm/ms
FREQUENCY = 0.01  # 1/ms: the alpha rhythm
NOISE = 0.002
WARM_UP = 2000.0  # ms, before the functional connectivity is measured
LEARNING_RATE, CLIP = 0.05, 0.05
# The coupling and the distances from the bifurcation, 1/ms, of the target; and where the fit starts.
COUPLING, MIDDLE, RANGE = 0.027, -0.02, 0.03
START = 0.015


class Parameters(NamedTuple):
    """What is fitted.

    - `log_g`: the logarithm of the global coupling.
    - `scaled`: of each area the distance from the bifurcation, as multiples of 0.02 / ms, which is about 1.
    """

    log_g: Array
    scaled: Array

    @property
    def g(self) -> Array:
        """Global coupling, 1/ms."""
        return jnp.exp(self.log_g)

    @property
    def a(self) -> Float[Array, " areas"]:
        """Distance from the bifurcation, 1/ms."""
        return self.scaled * 0.02


class Result(NamedTuple):
    """What the figure shows; `names` are those of the areas, if their file has any, `order` says in which they are."""

    connectome: connect.Connectome
    names: list[str] | None
    order: str
    target: np.ndarray
    before: np.ndarray
    after: np.ndarray
    losses: np.ndarray
    truth: Parameters | None
    fitted: Parameters
    similarity: dict[str, float]
    seconds: dict[str, float]


def network(connectome: connect.Connectome) -> Network:
    """One oscillator for each area, and one projection, which is the connectome."""
    n = len(connectome.weights)
    noise = EulerMaruyama(Amplitudes(x=NOISE, y=NOISE), RK4())
    cell = StuartLandau(a=jnp.full(n, MIDDLE), omega=2.0 * math.pi * FREQUENCY, stepper=noise)
    areas = Population(cell, n, {"in": Receptor(Instant(), CUBA())})
    tracts = connect.tracts(connectome.weights, connectome.lengths, SPEED, DT)
    return Network({"areas": areas}, [Projection("areas", "areas", "in", tracts)])


def with_parameters(net: Network, parameters: Parameters) -> Network:
    """The network with these parameters; its own coupling counts as 1."""
    where = lambda x: (x.populations["areas"].cell.a, x.projections["areas->areas:in"].comm.weight)
    return eqx.tree_at(where, net, (parameters.a, parameters.g * where(net)[1]))


def functional(net: Network, parameters: Parameters, duration: float, key: Key) -> Float[Array, "areas areas"]:
    """The functional connectivity of one simulation."""
    x = simulate(
        with_parameters(net, parameters), WARM_UP + duration, DT, record={"x": output("areas")}, key=key
    ).records["x"]
    return measure.functional_connectivity(x.values[round(WARM_UP / DT) :])


def distance(
    parameters: Parameters, net: Network, target: Float[Array, "areas areas"], duration: float, key: Key
) -> Float[Array, ""]:
    """The mean square of what two functional connectivities differ by, over pairs of areas."""
    found = functional(net, parameters, duration, key)
    return jnp.mean((measure.upper_triangle(found) - measure.upper_triangle(target)) ** 2)


def parameters_of(g: float, a: Any) -> Parameters:
    return Parameters(jnp.log(jnp.asarray(g, float)), jnp.asarray(a, float) / 0.02)


def gradient_of_front_and_back(connectome: connect.Connectome) -> np.ndarray:
    """From 0 at the back to 1 at the front of the head."""
    y = connectome.positions[:, 1]
    return (y - y.min()) / np.ptp(y)


def fit(
    net: Network, target: Array, start: Parameters, duration: float, iterations: int, key: Key
) -> tuple[Parameters, np.ndarray, float, float]:
    """Adam, with new noise in each iteration; the parameters, the losses, and the times of compilation and of the run."""
    # Near to the onset of oscillations a step may be too great for what the gradient knows.
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, iterations, 0.1)
    optim = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(schedule))

    @eqx.filter_jit
    def step(parameters: Parameters, state: Any, net: Network, target: Array, key: Key) -> Any:
        value, grads = jax.value_and_grad(distance)(parameters, net, target, duration, key)
        updates, state = optim.update(grads, state)
        return optax.apply_updates(parameters, updates), state, value

    began = time.perf_counter()
    parameters, state, losses = start, optim.init(start), []  # pyright: ignore[reportArgumentType]
    program = step.lower(parameters, state, net, target, key).compile()  # pyright: ignore[reportFunctionMemberAccess]
    compile_s, began = time.perf_counter() - began, time.perf_counter()
    for i in range(iterations):
        parameters, state, value = program(parameters, state, net, target, jr.fold_in(key, i))
        losses.append(float(value))
        if (i + 1) % 10 == 0:
            sys.stderr.write(f"iteration {i + 1:3d}/{iterations}   distance {losses[-1]:.5f}\n")
    return parameters, np.array(losses), compile_s, time.perf_counter() - began


def experiment(
    connectome: connect.Connectome, names: list[str] | None, given: np.ndarray | None, args: argparse.Namespace
) -> Result:
    """Make or take the target, fit, and compare with a noise that the fit has not seen."""
    net, n = network(connectome), len(connectome.weights)
    target_key, fit_key, test_key = jr.split(jr.key(args.seed), 3)
    measured = eqx.filter_jit(lambda p, key: functional(net, p, 4.0 * args.duration, key))
    truth = None
    if given is None:
        truth = parameters_of(COUPLING, MIDDLE + RANGE * (gradient_of_front_and_back(connectome) - 0.5))
        target = measured(truth, target_key)
    else:
        target = jnp.asarray(given, float)
    start = parameters_of(START, np.full(n, MIDDLE))
    before = measured(start, test_key)
    fitted, losses, compile_s, run_s = fit(net, target, start, args.duration, args.iterations, fit_key)
    after = measured(fitted, test_key)
    similarity = {"before": before, "after": after}
    if truth is not None:  # as far as a fit can get: the truth with another noise
        similarity["truth"] = measured(truth, test_key)
    similar = {name: float(measure.fc_similarity(x, target)) for name, x in similarity.items()}
    seconds = {"compile_s": compile_s, "run_s": run_s}
    first, last, goal = np.asarray(before), np.asarray(after), np.asarray(target)
    order = "left, then right, back to front" if args.connectome is None else "in the order of the file"
    return Result(connectome, names, order, goal, first, last, losses, truth, fitted, similar, seconds)


def summary(result: Result) -> dict[str, Any]:
    """What `--json` prints."""
    found: dict[str, Any] = {
        "demo": "brain",
        "areas": len(result.target),
        "tracts": int(np.count_nonzero(result.connectome.weights)),
        "fc_similarity": {name: round(x, 4) for name, x in result.similarity.items()},
        "loss": [round(float(x), 6) for x in (result.losses[0], result.losses[-1])],
        "coupling": round(float(result.fitted.g), 5),
    }
    if result.truth is not None:
        local = np.corrcoef(np.asarray(result.truth.a), np.asarray(result.fitted.a))[0, 1]
        found |= {"coupling_of_target": COUPLING, "local_parameters_correlation": round(float(local), 4)}
    return found | {"iterations": len(result.losses)} | {k: round(v, 2) for k, v in result.seconds.items()}


def load(path: Path) -> tuple[connect.Connectome, list[str] | None]:
    """A connectome from a file of NumPy's, with `weights` (sources along rows) and `lengths` in mm, and perhaps `positions`
    (0 otherwise) and `region_labels`; weights are scaled as those of `connect.synthetic_connectome`."""
    with np.load(path) as file:
        weights, lengths = (_matrix(file, path, name) for name in ("weights", "lengths"))
        positions = np.array(file["positions"]) if "positions" in file else np.zeros((len(weights), 3))
        names = [str(x) for x in file["region_labels"]] if "region_labels" in file else None
    if lengths.shape != weights.shape:
        raise SystemExit(f"{path}: weights and lengths have shapes {weights.shape} and {lengths.shape}")
    np.fill_diagonal(weights, 0.0)
    return connect.Connectome(weights / weights.sum(0).mean(), lengths, positions), names


def _matrix(file: Any, path: Path, name: str) -> np.ndarray:
    if name not in file:
        raise SystemExit(f"{path} has no array {name!r}, only {', '.join(file.files)}")
    found = np.array(file[name], np.float64)
    if found.ndim != 2 or len(set(found.shape)) > 1:
        raise SystemExit(f"{path}: {name!r} must be a square matrix, got shape {found.shape}")
    if not np.all(np.isfinite(found[~np.eye(len(found), dtype=bool)])):
        raise SystemExit(f"{path}: {name!r} has entries that are not finite")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx demo brain`."""
    parser.add_argument("--areas", type=_even, default=76, metavar="N", help="of a synthetic connectome (76)")
    parser.add_argument("--connectome", type=_file, metavar="FILE", help=".npz with weights and lengths (mm) instead")
    parser.add_argument("--fc", type=_file, metavar="FILE", help=".npz with the target, fc; by default it is simulated")
    parser.add_argument("--iterations", type=count, default=50, metavar="N", help="of the fit (50)")
    parser.add_argument("--duration", type=count, default=30_000, metavar="MS", help="of a simulation, ms (30000)")
    parser.add_argument("--seed", type=int, default=0, help="of the connectome and of all noise (0)")
    parser.add_argument("--output", type=figure_path, default=Path("brain.png"), help="the figure (brain.png)")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def data(args: argparse.Namespace) -> tuple[connect.Connectome, list[str] | None, np.ndarray | None]:
    """The connectome, names of its areas, and the target, if they are given."""
    names = given = None
    if args.connectome is None:
        connectome = connect.synthetic_connectome(args.areas, seed=args.seed, density=0.2, decay=20.0, spread=0.7)
    else:
        connectome, names = load(args.connectome)
    if args.fc is not None:
        with np.load(args.fc) as file:
            given = _matrix(file, args.fc, "fc")
        if given.shape != connectome.weights.shape:
            raise SystemExit(f"the target has shape {given.shape}, the connectome {connectome.weights.shape}")
    elif np.ptp(connectome.positions[:, 1]) == 0.0:
        raise SystemExit(f"{args.connectome} has no positions, from which a target could be made: give --fc")
    return connectome, names, given


def main(args: argparse.Namespace) -> None:
    """Run the demo. Progress goes to standard error, the result to standard output."""
    from ._brain_figure import draw

    connectome, names, given = data(args)
    result = experiment(connectome, names, given, args)
    draw(args.output, result)
    found = summary(result)
    if args.json:
        print(json.dumps({**found, "figure": str(args.output)}))
        return
    s = found["fc_similarity"]
    print(
        f"{found['areas']} areas, {found['tracts']:,} tracts; {args.iterations} iterations of {args.duration / 1000:g} s"
    )
    print(f"correlation with the target's functional connectivity: {s['before']:.3f} before, {s['after']:.3f} after")
    if "truth" in s:
        print(f"the target's own parameters, with another noise, reach {s['truth']:.3f}")
        print(f"coupling {found['coupling']:g} / ms, that of the target is {COUPLING:g} / ms")
        print(f"local parameters: correlation with those of the target {found['local_parameters_correlation']:.3f}")
    print(f"compiled in {found['compile_s']:.1f} s, fitted in {found['run_s']:.1f} s")
    print(f"figure: {args.output}")


def _even(text: str) -> int:
    value = count(text, least=4)
    if value % 2:
        raise argparse.ArgumentTypeError(f"must be even, got {text}")
    return value


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return path
