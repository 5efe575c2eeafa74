"""The time loop: records, inputs, resuming, transformations, errors."""

import subprocess
import sys

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import _simulate
from test_network import coba, spikes_of


DT = 0.1
DRIVE = {"E": 20.0, "I": 20.0}


def leaky(n=1, **parameters):
    return nex.Population(nex.Leaky(tau=10.0, **parameters), n)


def assert_states_equal(a, b):
    for x, y in zip(jtu.tree_leaves(a), jtu.tree_leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_records_have_values_and_times(x64):
    sol = nex.simulate(leaky(2), 10.0, 0.5, 1.0, record={"v": nex.voltage(), "one": nex.voltage(indices=[1], every=4)})
    exact = 1.0 - np.exp(-sol.records["v"].ts / 10.0)
    np.testing.assert_allclose(sol.records["v"].ts, np.arange(1, 21) * 0.5)
    np.testing.assert_allclose(sol.records["v"].values, np.stack([exact, exact], 1), rtol=1e-12)
    np.testing.assert_allclose(sol.records["one"].ts, [2.0, 4.0, 6.0, 8.0, 10.0])
    np.testing.assert_array_equal(sol.records["one"].values[:, 0], sol.records["v"].values[3::4, 1])
    assert (sol.t0, sol.t1, sol.dt) == (0.0, 10.0, 0.5)


def test_a_function_of_the_state_can_be_recorded(x64):
    sol = nex.simulate(leaky(3), 1.0, DT, 1.0, record={"m": nex.state(lambda s: s.v.mean()), "v": nex.voltage()})
    np.testing.assert_allclose(sol.records["m"].values, sol.records["v"].values.mean(1))


def test_spikes_are_complete_and_in_order(x64):
    sol = spikes_of(coba())
    rates = {"rate": nex.rate("E", every=8), "two": nex.rate("E", [3, 70], every=7)}
    dense = nex.simulate(coba(), 200.0, DT, DRIVE, record={"E": nex.output("E"), **rates}, key=jr.key(1))
    steps, neurons = np.nonzero(dense.records["E"].values)
    record = sol.records["E"]
    assert record.count > 100
    np.testing.assert_array_equal(record.steps, steps)
    np.testing.assert_array_equal(record.indices, neurons)
    np.testing.assert_allclose(record.times, (steps + 1) * DT)
    np.testing.assert_array_equal(record.counts(), np.bincount(neurons, minlength=80))
    np.testing.assert_allclose(record.rate, len(steps) / 80 / 0.2)
    assert [len(t) for t in record.trains()] == list(record.counts())
    binned = np.bincount(steps // 8, minlength=250) / 80 / (8 * DT) * 1000.0
    np.testing.assert_allclose(dense.records["rate"].values, binned, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dense.records["rate"].ts, np.arange(1, 251) * 8 * DT)
    two = np.bincount(steps[np.isin(neurons, [3, 70])] // 7, minlength=286)[:285] / 2 / (7 * DT) * 1000.0
    np.testing.assert_allclose(dense.records["two"].values, two, rtol=1e-12, atol=1e-12)


def test_a_selection_of_spikes(x64):
    chosen = [3, 70, 5]
    sol = nex.simulate(
        coba(), 200.0, DT, DRIVE, record={"a": nex.spikes("E"), "b": nex.spikes("E", chosen)}, key=jr.key(1)
    )
    np.testing.assert_array_equal(sol.records["b"].counts(), sol.records["a"].counts()[chosen])


@pytest.mark.parametrize("limit", [1, 3000, 10**9])
def test_chunks_do_not_show(limit, x64, monkeypatch):
    """However often the records are drained, they are the same: nothing is lost where one chunk ends."""
    record = {
        "s": nex.spikes("E"),
        "v": nex.voltage("E", every=7),
        "w": nex.voltage("I", [0]),
        "r": nex.rate("E", every=11),
    }
    whole = nex.simulate(coba(), 150.0, DT, DRIVE, record=record, key=jr.key(1))
    monkeypatch.setattr(_simulate, "_CHUNK_BYTES", limit)
    parts = nex.simulate(coba(), 150.0, DT, DRIVE, record=record, key=jr.key(1))
    assert_states_equal(whole, parts)


def test_a_full_spike_buffer_stops_the_chunk_and_not_the_run(monkeypatch):
    n = 50_000  # twice this is more than the smallest buffer, and every neuron spikes in every step
    sol = nex.simulate(nex.Population(nex.LIF(), n), 1.0, DT, 1e6, record={"s": nex.spikes()})
    assert sol.records["s"].count == 10 * n
    np.testing.assert_array_equal(sol.records["s"].counts(), 10)


def test_inside_and_outside_of_jit_are_the_same(x64):
    record = {"s": nex.spikes("E"), "o": nex.output("E"), "v": nex.voltage("I", every=3), "r": nex.rate("E", every=7)}
    run = lambda net: nex.simulate(net, 50.0, DT, DRIVE, record=record, key=jr.key(1))
    outside, inside = run(coba()), eqx.filter_jit(run)(coba())
    assert outside.records["s"].count > 20
    np.testing.assert_array_equal(outside.records["s"].indices, inside.records["s"].indices)
    np.testing.assert_allclose(outside.records["s"].times, inside.records["s"].times)
    np.testing.assert_array_equal(outside.records["o"].values, inside.records["o"].values)
    for name in "vr":
        np.testing.assert_allclose(outside.records[name].values, inside.records[name].values, rtol=1e-9)
        np.testing.assert_array_equal(outside.records[name].ts, inside.records[name].ts)
    for x, y in zip(jtu.tree_leaves(outside.state), jtu.tree_leaves(inside.state), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_too_many_spikes_inside_jit_is_an_error():
    run = eqx.filter_jit(
        lambda i: nex.simulate(nex.Population(nex.LIF(), 5), 1.0, DT, i, record={"s": nex.spikes(capacity=7)})
    )
    assert run(jnp.array(0.0)).records["s"].count == 0
    with pytest.raises(Exception, match=r"more spikes than record 's' has room for \(7\)"):
        run(jnp.array(1e6))
    with pytest.raises(ValueError, match="need a fixed number of entries"):
        eqx.filter_jit(
            lambda: nex.simulate(nex.Population(nex.LIF(), 10**5), 10.0, DT, 0.0, record={"s": nex.spikes()})
        )()


def test_vmap_over_a_batch_and_over_a_parameter(x64):
    drives = jnp.array([1.1, 1.5, 3.0])
    model = nex.Population(nex.LIF(), 2)
    counts = lambda m, i: nex.simulate(m, 100.0, DT, i, record={"o": nex.output()}).records["o"].values.sum(0)
    together = eqx.filter_vmap(counts, in_axes=(None, 0))(model, drives)
    np.testing.assert_array_equal(together, np.stack([counts(model, i) for i in drives]))
    taus = jnp.array([10.0, 20.0, 40.0])
    with_tau = lambda tau: counts(nex.Population(nex.LIF(tau=tau), 2), 1.5)
    np.testing.assert_array_equal(eqx.filter_vmap(with_tau)(taus), np.stack([with_tau(tau) for tau in taus]))
    assert len({tuple(x) for x in np.asarray(together)}) == 3


def test_vmap_of_a_network_over_keys(x64):
    net = coba(40, 10)
    run = lambda key: nex.simulate(net, 30.0, DT, DRIVE, record={"s": nex.spikes("E", capacity=400)}, key=key)
    together = eqx.filter_vmap(run)(jr.split(jr.key(5), 3))
    for i in range(3):
        alone = run(jr.split(jr.key(5), 3)[i])
        assert int(together.records["s"].count[i]) == alone.records["s"].count
        np.testing.assert_array_equal(
            together.records["s"].neurons[i][: alone.records["s"].count], alone.records["s"].neurons
        )


def test_a_run_in_parts_is_the_same_run(dtype):
    net = coba(key=2)
    whole = spikes_of(net, 60.0)
    first = spikes_of(net, 23.4)
    second = spikes_of(net, 60.0, t0=first.t1, state=first.state)
    assert_states_equal(whole.state, second.state)
    for name in "EI":
        joined = np.concatenate([first.records[name].times, second.records[name].times])
        np.testing.assert_allclose(joined, whole.records[name].times)


def test_time_and_randomness_go_on_where_a_run_stopped(x64):
    net = nex.Network({"noisy": leaky(3), "wave": leaky(1), "source": nex.Poisson(200.0, 5)})
    drive = {"noisy": nex.NoiseCurrent(1.0, 2.0, (3,)), "wave": nex.SineCurrent(1.0, 40.0)}
    record = {"s": nex.spikes("source")}
    run = lambda t1, **kwargs: nex.simulate(net, t1, DT, drive, record=record, key=jr.key(3), **kwargs)
    whole, first = run(30.0), run(12.3)
    second = run(30.0, t0=first.t1, state=first.state)
    assert_states_equal(whole.state, second.state)
    joined = np.concatenate([first.records["s"].times, second.records["s"].times])
    assert len(joined) > 10
    np.testing.assert_allclose(joined, whole.records["s"].times)
    # Another stretch of time is not a repetition of the first.
    again = run(30.0, t0=17.7)
    assert not np.array_equal(again.state.populations["noisy"].v, first.state.populations["noisy"].v)


def test_a_state_is_not_consumed():
    net = coba()
    state = net.init(dt=DT, key=jr.key(0))
    a = nex.simulate(net, 5.0, DT, DRIVE, state=state)
    b = nex.simulate(net, 5.0, DT, DRIVE, state=state)
    assert_states_equal(a.state, b.state)


def test_saved_and_resumed_in_a_new_process_is_bitwise_the_same(tmp_path):
    code = """
import sys, jax, jax.random as jr, equinox as eqx, neuroeqx as nex
sys.path.insert(0, sys.argv[1])
from test_network import coba
net = coba(key=4)
record = {"E": nex.spikes("E")}
like = net.init(dt=0.1, key=jr.key(0))
state = eqx.tree_deserialise_leaves(sys.argv[2], like)
sol = nex.simulate(net, 60.0, 0.1, {"E": 20.0, "I": 20.0}, state=state, t0=20.0, key=jr.key(1))
eqx.tree_serialise_leaves(sys.argv[3], sol.state)
"""
    net = coba(key=4)
    whole = nex.simulate(net, 60.0, DT, DRIVE, key=jr.key(1))
    half = nex.simulate(net, 20.0, DT, DRIVE, key=jr.key(1))
    saved, resumed = tmp_path / "half.eqx", tmp_path / "end.eqx"
    eqx.tree_serialise_leaves(saved, half.state)
    here = str(__file__).rsplit("/", 1)[0]
    out = subprocess.run(
        [sys.executable, "-c", code, here, saved, resumed], capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    assert_states_equal(eqx.tree_deserialise_leaves(resumed, whole.state), whole.state)


def test_one_compilation_serves_every_length_and_every_value():
    net, traces = coba(40, 10), []

    class Counting(nex.AbstractDynamics):
        net: nex.Network

        def init(self, *, dt, key=None):
            return self.net.init(dt=dt, key=key)

        def step(self, state, input, *, dt, t=0.0, key=None):
            traces.append(1)
            return self.net.step(state, input, dt=dt, t=t, key=key)

    def run(t1, w, drive):
        changed = eqx.tree_at(lambda n: n.projections["E->E:E"].comm.weight, net, jnp.asarray(w))
        return nex.simulate(Counting(changed), t1, DT, {"E": drive, "I": 20.0}, key=jr.key(0))

    run(5.0, 2.4, 20.0)
    assert traces
    first = len(traces)
    run(5.0, 2.4, 20.0)
    run(50.0, 2.0, 10.0)
    assert len(traces) == first


def test_long_runs_do_not_drift():
    """10^7 steps: 1000 s, at the end of which float32 times are 0.06 ms apart. Periods and delays stay exact."""
    t_ref, delay = 3.7, 1.3
    cell = nex.Refractory(nex.LIF(), t_ref)
    relay = nex.Population(nex.LIF(tau=0.01), 1, {"in": nex.Receptor(nex.Instant(), nex.CUBA())})
    projection = nex.Projection("a", "b", "in", nex.connect.one_to_one(10.0), delay=delay)
    net = nex.Network({"a": nex.Population(cell, 1), "b": relay}, [projection])
    drive = {"a": 1e6}
    sol = nex.simulate(net, 1e6, DT, drive, record={"a": nex.spikes("a"), "b": nex.spikes("b")})
    sent, arrived = sol.records["a"].steps, sol.records["b"].steps
    assert len(sent) == -(-(10**7) // 38)
    assert set(np.unique(np.diff(sent))) == {38}
    np.testing.assert_array_equal(arrived, sent[: len(arrived)] + 13)
    assert len(sent) - len(arrived) <= 1


def test_time_reaches_functions_without_accumulating_error():
    sol = nex.simulate(leaky(1), 1000.0, DT, lambda t: t, record={"v": nex.voltage()})
    # v' = (t - v) / 10 has the particular solution v = t - 10; a drift of dt would show in it.
    np.testing.assert_allclose(sol.records["v"].values[-1, 0], 1000.0 - 10.0 - DT / 2, atol=2e-3)


def test_inputs_of_every_kind(x64):
    ts = np.arange(20) * DT
    f = lambda t: jnp.sin(t)
    v = lambda x: nex.simulate(leaky(2), 2.0, DT, x, record={"v": nex.voltage()}).records["v"].values
    np.testing.assert_allclose(v(f), v(nex.Samples(np.sin(ts))), rtol=1e-12)
    np.testing.assert_allclose(v(np.array([1.0, 2.0])), v(nex.Samples(np.tile([1.0, 2.0], (20, 1)))), rtol=1e-12)
    np.testing.assert_allclose(v(nex.StepCurrent(1.0)), v(1.0))
    assert np.all(v(None) == 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t1": 1.05}, r"`t1` = 1.05 ms is not a whole number of steps of dt = 0.1 ms; .* 1 and 1.1 ms"),
        ({"dt": 0.0}, "`dt` must be positive"),
        ({"dt": float("nan")}, "`dt` must be finite"),
        ({"t0": 5.0}, "`t1` = 1.0 ms lies before `t0` = 5.0 ms"),
        ({"t0": 0.55}, "`t0` = 0.55 ms is not a whole number of steps"),
        ({"inputs": {"X": 1.0}}, r"`inputs` names 'X'; the network has \['E', 'I'\]"),
        ({"inputs": {"E": np.ones(7)}}, r"input of 'E' has shape \(7,\), which does not broadcast .* \(80,\)"),
        ({"inputs": {"E": np.ones(10)}}, r"For an array over time use Samples\(array\)"),
        ({"inputs": {"E": nex.Samples(np.ones((10, 7)))}}, r"input of 'E' has shape \(7,\)"),
        ({"model": leaky(3), "inputs": np.ones(10)}, r"input has shape \(10,\), .* \(3,\). For an array over time"),
        ({"inputs": {"E": nex.Samples(np.ones(9))}}, "one entry for each of the 10 steps, got 9"),
        ({"record": {"v": nex.voltage("X")}}, r"names the population 'X'; the network has \['E', 'I'\]"),
        ({"record": {"v": nex.voltage("E", [80])}}, r"record 'v' selects 80 ... 80, but there are 80 cells"),
        ({"record": {"v": nex.voltage("E", [-1])}}, r"record 'v' selects -1 ... -1"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        nex.simulate(**{"model": coba(), "t1": 1.0, "dt": DT, "key": jr.key(0), **arguments})


def test_a_recorder_steps_by_whole_numbers():
    with pytest.raises(ValueError, match="`every` must be a whole number of steps"):
        nex.voltage("E", every=0)


def test_a_refractory_period_must_be_a_multiple_of_dt():
    message = "`t_ref` = 2.25 ms is not a multiple of dt = 0.1 ms; the nearest choices are 2.2 and 2.3 ms"
    with pytest.raises(ValueError, match=message):
        nex.simulate(nex.Population(nex.Refractory(nex.LIF(), 2.25), 3), 1.0, DT)
    with pytest.raises(ValueError, match="`t_ref` = 3276.8 ms is longer than 32767 steps of dt = 0.1 ms"):
        nex.simulate(nex.Population(nex.Refractory(nex.LIF(), 3276.8), 3), 1.0, DT)
    nex.simulate(nex.Population(nex.Refractory(nex.LIF(), 3276.7), 3), 1.0, DT)
    nex.simulate(nex.Population(nex.Substeps(nex.Refractory(nex.LIF(), 2.25), 2), 3), 1.0, DT)
    with pytest.raises(ValueError, match="`t_ref` = 2.1 ms is not a multiple of dt = 0.2 ms"):
        nex.simulate(nex.Population(nex.Every(nex.Refractory(nex.LIF(), 2.1), 2), 3), 1.0, DT)


def test_a_state_of_another_dt_is_refused():
    rule = nex.connect.one_to_one(1.0)
    net = nex.Network({"E": coba().populations["E"]}, [nex.Projection("E", "E", "E", rule, delay=1.0)])
    state = net.init(dt=0.1, key=jr.key(0))
    with pytest.raises(ValueError, match="`state` is not a state of this model at this dt"):
        nex.simulate(net, 1.0, 0.2, state=state)


def test_a_step_that_changes_its_state_is_refused():
    class Growing(nex.AbstractDynamics):
        def init(self, *, dt, key=None):
            return jnp.zeros(2)

        def step(self, state, input, *, dt, t=0.0, key=None):
            return jnp.concatenate([state, state]), state

    with pytest.raises(TypeError, match=r"step of Growing changes its state from float32\[2\] to float32\[4\]"):
        nex.simulate(Growing(), 1.0, DT)


def test_progress_is_shown_on_standard_error(capsys):
    nex.simulate(leaky(), 10.0, DT, 1.0, progress=True)
    captured = capsys.readouterr()
    assert "10/10 ms" in captured.err
    assert captured.out == ""


def test_no_time_at_all():
    sol = nex.simulate(coba(), 0.0, DT, DRIVE, record={"s": nex.spikes("E"), "v": nex.voltage("E")}, key=jr.key(0))
    assert sol.records["s"].count == 0
    assert sol.records["v"].values.shape == (0, 80)


def test_the_network_is_the_same_spike_for_spike_in_a_plain_loop(x64):
    """An independent simulation of the same edges in NumPy."""
    net = coba(key=7)
    weights = {k: np.asarray(p.comm.todense()) for k, p in net.projections.items()}
    state = net.init(dt=DT, key=jr.key(0))
    v = {n: np.asarray(state.populations[n].v) for n in "EI"}
    g = {(n, r): np.zeros(len(v[n])) for n in "EI" for r in "EI"}
    left = {n: np.zeros(len(v[n]), int) for n in "EI"}
    last = {n: np.zeros(len(v[n])) for n in "EI"}
    found = {n: [] for n in "EI"}
    tau = {"E": 5.0, "I": 10.0}
    for step in range(1000):
        new = {}
        for n in "EI":
            for r in "EI":
                g[n, r] = g[n, r] * np.exp(-DT / tau[r]) + last[r] @ weights[f"{r}->{n}:{r}"]
            total = 1.0 + g[n, "E"] + g[n, "I"]
            v_inf = (-60.0 + 20.0 + g[n, "I"] * -80.0) / total
            moved = v_inf + (v[n] - v_inf) * np.exp(-total * DT / 20.0)
            v[n] = np.where(left[n] > 0, v[n], moved)
            new[n] = (v[n] >= -50.0) & (left[n] == 0)
            left[n] = np.where(new[n], 50, np.maximum(left[n] - 1, 0))
            v[n] = np.where(new[n], -60.0, v[n])
            found[n] += [(step, i) for i in np.flatnonzero(new[n])]
        last = {n: x.astype(float) for n, x in new.items()}
    sol = nex.simulate(net, 100.0, DT, DRIVE, state=state, record={n: nex.spikes(n) for n in "EI"})
    assert len(found["E"]) > 100
    for n in "EI":
        got = list(zip(sol.records[n].steps.tolist(), sol.records[n].indices.tolist(), strict=True))
        assert got == found[n]
