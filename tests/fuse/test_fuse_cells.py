"""Every cell in native steps against the same cell in XLA: spikes, single steps, gradients and batches."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from jaxtyping import Array
from neuroeqx.fuse import _while
from thorough import all_but


N = 37  # four whole vectors of float64 or two of float32, and a rest
DT = 0.1


class State(eqx.Module):
    """Of a user's cell: the voltage and one more variable."""

    v: Array
    w: Array


class AdEx(nex.AbstractNeuron):
    """The adaptive exponential neuron as a user would write it."""

    tau: Array = nex.param(20.0)
    b: Array = nex.param(3.0)
    stepper: nex.AbstractStepper = nex.Euler()
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

    def init(self, shape, *, key=None):
        return State(jnp.full(shape, -65.0), jnp.zeros(shape))

    def vector_field(self, t, y, current):
        slope = 2.0 * jnp.exp(jnp.minimum((y.v + 50.0) / 2.0, 5.0))
        return State((-65.0 - y.v + slope - y.w + current(y.v)) / self.tau, (0.1 * (y.v + 65.0) - y.w) / 100.0)

    def threshold(self, y):
        return y.v + 30.0

    def reset(self, y, spike):
        return State(y.v + spike * (-60.0 - y.v), y.w + self.b * spike)


class Gated(nex.AbstractNeuron):
    """Calcium that opens at once and potassium that follows a gate: a spiking cell without a reset, with functions of its
    own (after Morris & Lecar)."""

    phi: Array = nex.param(0.04)
    stepper: nex.AbstractStepper = nex.ExpEuler()
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

    fires_on_crossing = True

    def init(self, shape, *, key=None):
        return State(jnp.full(shape, -60.0), jnp.zeros(shape))

    def vector_field(self, t, y, current):
        m = 0.5 * (1.0 + jnp.tanh((y.v + 1.2) / 18.0))
        u = (y.v - 2.0) / 30.0
        rate = self.phi * 0.5 * (jnp.exp(0.5 * u) + jnp.exp(-0.5 * u))
        w = jnp.where(u > -2.0, 0.5 * (1.0 + jnp.tanh(u)), 0.0)
        ions = 4.4 * m * (120.0 - y.v) + 30.0 * y.w**3 * (-84.0 - y.v) + 2.0 * (-60.0 - y.v)
        return State((ions + current(y.v)) / 20.0, rate * (w - y.w))

    def threshold(self, y):
        return y.v

    def reset(self, y, spike):
        return y


class Kinetics(nex.AbstractCell):
    """A neuron and every kind of kinetics that follows its spikes, as `release` does. The output is that of all together."""

    neuron: nex.AbstractNeuron
    kinds: tuple[nex.AbstractCell, ...]

    def init(self, shape, *, key=None):
        return (self.neuron.init(shape), *(kind.init(shape) for kind in self.kinds))

    def step(self, state, input, *, dt, t=0.0, key=None):
        neuron, spike = self.neuron.step(state[0], input, dt=dt)
        pairs = [kind.step(s, spike, dt=dt) for kind, s in zip(self.kinds, state[1:], strict=True)]
        return (neuron, *(s for s, _ in pairs)), sum(output for _, output in pairs)


def each(low: float, high: float) -> np.ndarray:
    """A parameter that differs from cell to cell."""
    return np.linspace(low, high, N)


class Case(NamedTuple):
    """
    - `make`: the cell.
    - `drive`: the least and the greatest current.
    - `spread`: of random states, the bounds of each leaf.
    - `native`: whether native code must take it; if not, whatever runs must still give the same.
    - `receptor`: for synapses, which are reached through a cell: one, or several by name.
    - `key`: of cells that need randomness.
    - `ulps`: how far a step may differ, in units in the last place of the largest value of a variable.
    """

    make: Callable[[], Any]
    drive: tuple[float, float]
    spread: list[tuple[float, float]]
    native: bool = True
    receptor: Callable[[], Any] | None = None
    ulps: int = 4
    key: Any = None


LIF = functools.partial(nex.LIF, tau=each(10.0, 30.0), v_rest=-60.0, v_th=each(-52.0, -48.0), v_reset=-61.0)
TraubMiles = functools.partial(nex.TraubMiles, v_t=each(-64.0, -61.0), g_k=each(5e3, 7e3))
HodgkinHuxley = functools.partial(nex.HodgkinHuxley, c=each(0.9, 1.1), g_k=each(34.0, 38.0))
# Of a capacitance for which this step is short enough: else exponential Euler throws the voltage far above its range.
WangBuzsaki = functools.partial(nex.WangBuzsaki, c=each(1.8, 2.2), phi=each(4.0, 6.0))
MorrisLecar = functools.partial(nex.MorrisLecar, v_2=each(17.0, 19.0), phi=each(0.04, 0.05))
FitzHughNagumo = functools.partial(nex.FitzHughNagumo, tau=each(10.0, 14.0))
HindmarshRose = functools.partial(nex.HindmarshRose, s=each(3.8, 4.2))
Leaky = functools.partial(nex.Leaky, tau=each(5.0, 30.0), r=2.0)
Graded = functools.partial(nex.Graded, tau=each(5.0, 30.0), bias=each(-1.0, 1.0))
heun = nex.FromDiffrax(diffrax.Heun())
ROUGH = 16  # where rates are quotients of small differences
STEEP = 128  # where the rate of a variable in itself passes zero, around which phi1 is a quotient of small differences
V, GATES, SMALL, STEPS = [(-75.0, -45.0)], [(0.0, 1.0)] * 3, [(-2.0, 2.0)], [(0, 4)]
TAKE_OFF, CURRENT = [(-75.0, -38.0)], (600.0, 1500.0)
MEMBRANE, POINT, STRONG = [(-90.0, 50.0)], (8.0, 20.0), (100.0, 300.0)

# What follows spikes, and bounds of random states.
KINETICS = {
    nex.STD: [(0.0, 1.0)],
    nex.STP: [(0.0, 1.0)] * 2,
    nex.AMPA: [(0.0, 1.0), (0.0, 0.3)],
    nex.GABAa: [(0.0, 1.0), (0.0, 0.3)],
    nex.GABAb: [(0.0, 1.0), (0.0, 5.0), (0.0, 0.3)],
    nex.NMDA: [(0.0, 1.0), (0.0, 2.0)],
    nex.NMDASecondOrder: [(0.0, 1.0), (0.0, 1.0), (0.0, 0.3)],
}
CHAIN = nex.STP, nex.NMDA
BOUND = [bounds for kind in (*KINETICS, *CHAIN) for bounds in KINETICS[kind]]

# Every cell that the package exports, by class and by what is special. A class that is missing here fails a test.
CASES: dict[Any, dict[str, Case]] = {
    nex.LIF: {
        "": Case(LIF, POINT, V),
        "alike": Case(lambda: nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0), POINT, V),
        "soft": Case(lambda: LIF(resetting=nex.SoftReset()), POINT, V),
        "Euler": Case(lambda: LIF(stepper=nex.Euler()), POINT, V),
        "RK4": Case(lambda: LIF(stepper=nex.RK4()), POINT, V),
        "Exact": Case(lambda: LIF(stepper=nex.Exact()), POINT, V),
        "Heun": Case(lambda: LIF(stepper=heun), POINT, V, native=False),
    },
    nex.TraubMiles: {
        "": Case(TraubMiles, STRONG, MEMBRANE + GATES, ulps=ROUGH),
        "RK4": Case(lambda: TraubMiles(stepper=nex.RK4()), STRONG, [(-70.0, -50.0)] + [(0.0, 0.1)] * 3, ulps=ROUGH),
    },
    nex.HodgkinHuxley: {"": Case(HodgkinHuxley, (10.0, 30.0), MEMBRANE + GATES, ulps=ROUGH)},
    nex.AtPeak: {"": Case(lambda: nex.AtPeak(HodgkinHuxley()), (10.0, 30.0), MEMBRANE + GATES, ulps=ROUGH)},
    nex.WangBuzsaki: {"": Case(WangBuzsaki, (2.0, 8.0), [(-80.0, -40.0)] + GATES[1:], ulps=STEEP)},
    nex.MorrisLecar: {"": Case(MorrisLecar, (100.0, 180.0), MEMBRANE + GATES[2:], ulps=ROUGH)},
    nex.FitzHughNagumo: {"": Case(FitzHughNagumo, (0.5, 1.2), SMALL * 2, ulps=STEEP)},
    nex.HindmarshRose: {"": Case(HindmarshRose, (4.0, 6.0), SMALL + [(-12.0, 0.0), (1.0, 4.0)], ulps=STEEP)},
    nex.IF: {"": Case(lambda: nex.IF(c=each(10.0, 30.0), v_th=10.0), POINT, SMALL)},
    nex.ALIF: {"": Case(lambda: nex.ALIF(tau=each(10.0, 30.0), beta=each(0.1, 0.3)), (1.5, 3.0), SMALL + [(0.0, 5.0)])},
    nex.ExpIF: {"": Case(lambda: nex.ExpIF(delta_t=each(1.5, 2.5)), CURRENT, TAKE_OFF, ulps=ROUGH)},
    nex.AdEx: {"": Case(lambda: nex.AdEx(b=each(20.0, 80.0)), CURRENT, TAKE_OFF + [(0.0, 200.0)], ulps=ROUGH)},
    nex.QIF: {"": Case(lambda: nex.QIF(c=each(0.05, 0.08)), POINT, V)},
    nex.AdaptiveQIF: {"": Case(lambda: nex.AdaptiveQIF(b=each(0.1, 2.0)), (20.0, 40.0), V + SMALL, ulps=ROUGH)},
    nex.Izhikevich: {
        "": Case(lambda: nex.Izhikevich(d=each(4.0, 8.0)), POINT, V + [(-15.0, 0.0)]),
        "halves": Case(lambda: nex.Izhikevich(stepper=nex.VoltageFirst()), POINT, V + [(-15.0, 0.0)]),
    },
    nex.Izhikevich2007: {"": Case(lambda: nex.Izhikevich2007(d=each(50.0, 100.0)), STRONG, V + [(0.0, 200.0)])},
    nex.GIF: {"": Case(lambda: nex.GIF(a=each(0.0, 0.005)), STRONG, V + [(-55.0, -45.0)] + [(-50.0, 50.0)] * 2)},
    nex.GLIF: {
        "": Case(lambda: nex.GLIF(c=each(50.0, 60.0)), CURRENT, [(-75.0, -55.0)]),
        "5": Case(
            lambda: nex.GLIF(
                [nex.SpikeCurrent(0.003, 1.0, -9.18), nex.SpikeCurrent(0.1, each(0.5, 1.0), -198.94)],
                nex.PartialReset(each(0.1, 0.3), 5.0),
                nex.SpikeThreshold(0.009, each(0.2, 0.4)),
                nex.VoltageThreshold(0.005, 0.09),
            ),
            CURRENT,
            [(-75.0, -55.0)] + [(-50.0, 0.0)] * 2 + [(0.0, 2.0)] * 2,
        ),
    },
    nex.MAT2: {"": Case(lambda: nex.MAT2(omega=each(15.0, 20.0)), (500.0, 900.0), V + [(0.0, 40.0)] * 2)},
    nex.EscapeRate: {"": Case(lambda: nex.EscapeRate(LIF(), 2.0), POINT, V, key=jax.random.key(5))},
    nex.Leaky: {"": Case(Leaky, (-2.0, 2.0), SMALL)},
    nex.Graded: {
        "": Case(Graded, (-2.0, 2.0), SMALL),
        "tanh RK4": Case(lambda: Graded(activation=jnp.tanh, stepper=nex.RK4()), (-2.0, 2.0), SMALL),
    },
    nex.Refractory: {
        "LIF": Case(lambda: nex.Refractory(LIF(), DT * np.arange(N)), POINT, V + STEPS),
        # Held for longer, this cell is chaotic: two runs in XLA that begin an ulp apart have other spikes after 200 ms.
        "TraubMiles": Case(lambda: nex.Refractory(TraubMiles(), 0.3), STRONG, MEMBRANE + GATES + STEPS, ulps=ROUGH),
    },
    nex.Every: {"": Case(lambda: nex.Every(LIF(), 4), POINT, [*V, (0.0, 0.0), *STEPS], native=False)},
    nex.Substeps: {"": Case(lambda: nex.Substeps(LIF(), 3), POINT, V, native=False)},
    nex.Expon: {
        "COBA": Case(
            LIF, POINT, V + [(0.0, 3.0)], receptor=lambda: nex.Receptor(nex.Expon(each(2.0, 9.0)), nex.COBA(0.0))
        )
    },
    nex.Instant: {"CUBA": Case(LIF, POINT, V + [(0.0, 3.0)], receptor=lambda: nex.Receptor(nex.Instant(), nex.CUBA()))},
    nex.LinearKernel: {
        "and others": Case(
            LIF,
            POINT,
            V + [(0.0, 1.0)] * 7,
            receptor=lambda: {
                "alpha": nex.Receptor(nex.Alpha(each(2.0, 9.0)), nex.CUBA()),
                "dual": nex.Receptor(nex.DualExpon(each(2.0, 9.0), each(1.0, 5.0)), nex.MgBlock(mg=each(0.0, 2.0))),
                "linear": nex.Receptor(nex.LinearKernel([[-0.2, 0.5], [-0.5, -0.2]], [1, 0], [1, 0.5]), nex.CUBA()),
            },
        )
    },
    Kinetics: {
        "": Case(
            lambda: Kinetics(LIF(), (*(kind() for kind in KINETICS), nex.Chain(*(kind() for kind in CHAIN)))),
            POINT,
            V + BOUND,
            ulps=ROUGH,
        )
    },
    AdEx: {
        "": Case(lambda: AdEx(tau=each(15.0, 25.0)), (12.0, 30.0), V + [(0.0, 30.0)]),
        "ExpEuler": Case(lambda: AdEx(stepper=nex.ExpEuler()), (12.0, 30.0), V + [(0.0, 30.0)]),
    },
    Gated: {"": Case(lambda: Gated(phi=each(0.03, 0.05)), (80.0, 140.0), MEMBRANE + [(0.0, 1.0)], ulps=ROUGH)},
}
ALL = {f"{cls.__name__} {name}".strip(): case for cls, cases in CASES.items() for name, case in cases.items()}


def test_no_cell_is_missing():
    exported = {c for c in vars(nex).values() if isinstance(c, type) and issubclass(c, nex.AbstractCell)}
    concrete = {c for c in exported if not c.__name__.startswith("Abstract")}
    assert len(concrete) >= 9
    together = {nex.Alpha, nex.Chain, nex.DualExpon, *KINETICS}
    # Each of its cells takes as many steps as it needs: no native loop over lanes (tests/test_adaptive.py runs it in XLA).
    assert concrete - {nex.Adaptive} == (set(CASES) | together) - {AdEx, Gated, Kinetics}


def population(case):
    receptors = {} if case.receptor is None else case.receptor()
    receptors = receptors if isinstance(receptors, dict) else {"in": receptors}
    return nex.Population(case.make(), N, receptors)


def drive_of(case):
    return jnp.linspace(*case.drive, N)


def random_state(model, spread, rng):
    """A state of `model` with each leaf drawn within its bounds."""
    leaves, tree = jtu.tree_flatten(model.init(dt=DT))
    assert len(leaves) == len(spread)
    drawn = [
        rng.integers(low, high, x.shape) if x.dtype.kind == "i" else rng.uniform(low, high, x.shape)
        for x, (low, high) in zip(leaves, spread, strict=True)
    ]
    return tree.unflatten([jnp.asarray(new, x.dtype) for new, x in zip(drawn, leaves, strict=True)])


@pytest.fixture
def runs(monkeypatch):
    """Of a case: a function of time and state that gives the native run and that in XLA; native it has to be."""
    made = []
    decide = _while._loop_of

    def noted(*args):
        loop = decide(*args)
        made.append(loop is not None)
        return loop

    monkeypatch.setattr(_while, "_loop_of", noted)

    def of(case):
        model = population(case)
        record = {"s": nex.spikes(), "o": nex.output()}
        both = lambda t1, state=None: [
            nex.simulate(model, t1, DT, drive_of(case), state=state, record=record, key=case.key, fused=fused)
            for fused in (True, False)
        ]
        both(DT)
        # Empty if a case of the same structure was traced before: then it is the same case.
        assert made == [True] or (made == [False] and not case.native)
        return model, both

    return of


def assert_steps_agree(model, both, case):
    """Single steps from 25 random states: the same spikes, and values that differ by at most `case.ulps` units in the last
    place of the largest value that the variable has in the population, before or after."""
    rng = np.random.default_rng(3)
    for _ in range(25):
        state = random_state(model, case.spread, rng)
        ours, truth = both(DT, state)
        np.testing.assert_array_equal(ours.records["s"].neurons, truth.records["s"].neurons)
        outputs = [sol.records["o"].values[0] for sol in (ours, truth)]
        triples = ((ours.state, outputs[0]), (truth.state, outputs[1]), (state, outputs[1]))
        leaves = (map(np.asarray, jtu.tree_leaves(x)) for x in triples)
        for a, b, before in zip(*leaves, strict=True):
            if a.dtype.kind == "i":
                np.testing.assert_array_equal(a, b)
            else:
                ulp = np.spacing(max(np.abs(b).max(), np.abs(before).max()))
                np.testing.assert_allclose(a, b, rtol=0.0, atol=case.ulps * ulp)


# One of each kind of step, and of each wrapper.
USUAL = (
    "LIF Heun", "TraubMiles", "GLIF 5", "EscapeRate", "Graded tanh RK4", "Refractory LIF", "Every", "Kinetics",
)  # fmt: skip


@pytest.mark.parametrize("name", all_but(ALL, USUAL))
def test_single_steps_and_whole_runs_in_double_precision(name, x64, runs):
    case = ALL[name]
    model, both = runs(case)
    assert_steps_agree(model, both, case)
    ours, truth = both(250.0)
    spikes = truth.records["s"]
    assert spikes.count > 60
    np.testing.assert_array_equal(ours.records["s"].steps, spikes.steps)
    np.testing.assert_array_equal(ours.records["s"].neurons, spikes.neurons)
    np.testing.assert_allclose(ours.records["o"].values, truth.records["o"].values, rtol=1e-10, atol=1e-10)


# Those in which float32 has functions, forms or states of its own.
SINGLE = (
    "LIF", "LIF soft", "TraubMiles", "AdEx", "ExpIF", "Izhikevich2007", "GLIF 5", "EscapeRate", "Refractory LIF", "Every",
    "LinearKernel and others", "Kinetics", "Gated",
)  # fmt: skip


@pytest.mark.parametrize("name", all_but(SINGLE, ("LIF", "TraubMiles", "Kinetics", "Every")))
def test_single_steps_in_single_precision(name, runs):
    case = ALL[name]
    model, both = runs(case)
    assert_steps_agree(model, both, case)


# Inside of transformations: batches are native loops too, gradients those of XLA


TRAINED = ["Refractory LIF", "AdEx", "Gated"]


def outcome(model, drive, t1, fused):
    """The output of every step, and the state at the end."""
    sol = nex.simulate(model, t1, DT, drive, record={"o": nex.output()}, fused=fused)
    return sol.records["o"].values, [x for x in jtu.tree_leaves(sol.state) if eqx.is_inexact_array(x)]


def loss(args, t1, fused):
    model, drive = args
    outputs, state = outcome(model, drive, t1, fused)
    ramp = jnp.linspace(0.0, 1.0, outputs.size, dtype=outputs.dtype).reshape(outputs.shape)
    return (ramp * outputs).sum() + sum((x**2).sum() for x in state)


def gradients(name, dtype, fused):
    with jax.enable_x64(dtype == "float64"):
        args = (population(ALL[name]), drive_of(ALL[name]))
        gradient = eqx.filter_jit(eqx.filter_grad(loss))(args, 20.0, fused)
        return [np.asarray(x) for x in jtu.tree_leaves(gradient)]


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_in_double_precision(name):
    ours, truth = (gradients(name, "float64", fused) for fused in (True, False))
    assert any(np.any(np.asarray(x) != 0.0) for x in truth)
    for a, b in zip(ours, truth, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(b).max())


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_in_single_precision(name):
    """Within 1e-5 of those in double precision, or a small multiple of how far those of XLA are."""
    runs = ("float32", True), ("float32", False), ("float64", False)
    for ours, plain, truth in zip(*(gradients(name, *how) for how in runs), strict=True):
        largest = np.abs(truth).max()
        assert np.abs(ours - truth).max() <= max(1e-5 * largest, 4.0 * np.abs(plain - truth).max())


@pytest.mark.parametrize("name", ["Graded tanh RK4", "TraubMiles"])
def test_gradients_are_those_of_the_native_run(name, x64):
    """Central differences of native runs. Of the state and not of spikes, whose derivative is that of another function."""
    model, drive = population(ALL[name]), drive_of(ALL[name])
    value = lambda drive: sum((x**2).sum() for x in outcome(model, drive, 20.0, True)[1])
    gradient = jax.jit(jax.grad(value))(drive)
    h = 1e-5 * float(jnp.abs(drive).max())
    for i in (0, 20, N - 1):
        numeric = (value(drive.at[i].add(h)) - value(drive.at[i].add(-h))) / (2 * h)
        np.testing.assert_allclose(gradient[i], numeric, rtol=1e-6)


PARAMETERS = {
    "Refractory LIF": (lambda m: m.cell.cell.tau, (0.5, 1.0, 1.5)),
    "TraubMiles": (lambda m: m.cell.g_k, (0.8, 1.0, 1.2)),
    "AdEx": (lambda m: m.cell.b, (0.5, 1.0, 2.0)),
    "Gated": (lambda m: m.cell.phi, (0.9, 1.0, 1.1)),
}


def native_batch(run, members):
    """All members together, in a program that holds a native loop."""
    lowered = jax.jit(lambda members: eqx.filter_vmap(run)(members)).lower(members)
    assert "neuroeqx_fused_" in lowered.as_text()
    return lowered.compile()(members)


def assert_batch_is_a_loop(together, alone):
    """The outputs and final states of a batch, and those of its members."""
    assert sum(np.count_nonzero(outputs) for outputs, _ in alone) > 60
    for k, member in enumerate(alone):
        for a, b in zip(jtu.tree_leaves(together), jtu.tree_leaves(member), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", PARAMETERS)
def test_batches_of_drives_and_of_parameters(name, x64):
    model, drive = population(ALL[name]), drive_of(ALL[name])
    drives = jnp.stack([0.9 * drive, drive, 1.2 * drive])
    together = native_batch(lambda drive: outcome(model, drive, 80.0, True), drives)
    assert_batch_is_a_loop(together, [outcome(model, drive, 80.0, False) for drive in drives])

    where, factors = PARAMETERS[name]
    with_value = lambda value: eqx.tree_at(where, model, value)
    values = jnp.stack([factor * where(model) for factor in factors])
    together = native_batch(lambda value: outcome(with_value(value), drive, 80.0, True), values)
    assert_batch_is_a_loop(together, [outcome(with_value(value), drive, 80.0, False) for value in values])
