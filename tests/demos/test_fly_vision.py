"""The fly demo against a SciPy implementation that shares no code with it."""

import dataclasses
import gzip
import hashlib
import json
from importlib import resources

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
import scipy.sparse
from neuroeqx.demos import _fly_data as fly_data, _fly_vision as fly_vision


FOLDER = resources.files("neuroeqx") / "data" / "fly_vision"
DETECTORS = ["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"]
STEPS = 411


def reference_eye(extent, model):
    """Cells (type, u, v), weights [target, source], time constants in s and biases, as the data describe them."""
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    data = {
        entry["name"]: np.frombuffer((FOLDER / entry["file"]).read_bytes(), entry["dtype"]).reshape(entry["shape"])
        for entry in manifest["arrays"]
    }
    nodes = json.loads(gzip.decompress((FOLDER / "connectome_fib25-fib19_v2.2.json.gz").read_bytes()))["nodes"]
    cells = {}
    for kind, node in enumerate(nodes):
        su, sv = node["pattern"][1]
        for u in range(-extent, extent + 1):
            for v in range(-extent, extent + 1):
                if abs(u + v) <= extent and u % su == 0 and v % sv == 0:
                    cells[node["name"], u, v] = (len(cells), kind)
    columns = [[(u, v) for name, u, v in cells if name == node["name"]] for node in nodes]
    names = [node["name"] for node in nodes]
    rows, cols, values = [], [], []
    for g, pair in enumerate(data["group_pair"]):
        source, target = data["pair_source"][pair], data["pair_target"][pair]
        value = float(data["pair_sign"][pair]) * float(data["strength"][model, pair]) * float(data["group_n_syn"][g])
        for u, v in columns[source]:
            reached = cells.get((names[target], u + data["group_du"][g], v + data["group_dv"][g]))
            if reached is not None:
                rows.append(reached[0])
                cols.append(cells[names[source], u, v][0])
                values.append(value)
    kinds = np.array([kind for _, kind in cells.values()])
    weights = scipy.sparse.coo_array((values, (rows, cols)), shape=(len(cells), len(cells))).tocsr()
    return cells, weights, data["time_const_s"][model][kinds].astype(float), data["bias"][model][kinds].astype(float)


def reference_run(cells, weights, tau, bias):
    """The voltage of the central detectors, (grey, [polarities, directions, steps, detectors]), in float64."""
    dt = 0.005
    rate = (dt / np.maximum(tau, dt))[:, None]
    light_cells = [i for (name, _, _), (i, _) in cells.items() if name in {f"R{k}" for k in range(1, 9)}]
    uv = np.array([(u, v) for name, u, v in cells if name in {f"R{k}" for k in range(1, 9)}], float)
    x, y = 1.5 * uv[:, 1], -np.sqrt(3) * (uv[:, 0] + uv[:, 1] / 2)
    theta = np.deg2rad(np.arange(0, 360, 30))
    along = 2 / np.sqrt(3) * (np.outer(x, np.cos(theta)) + np.outer(y, np.sin(theta)))
    along, polarity = np.tile(along, 2), np.repeat([1.0, 0.0], 12)
    central = [cells[name, 0, 0][0] for name in DETECTORS]

    def step(voltage, arrived, light):
        drive = bias[:, None] + weights @ arrived
        drive[light_cells] += light
        return voltage + rate * (drive - voltage)

    voltage, arrived = bias[:, None], np.zeros((len(cells), 1))
    for _ in range(200):
        voltage = step(voltage, arrived, 0.5)
        arrived = np.maximum(voltage, 0)
    grey = voltage[central, 0]
    voltage, arrived, kept = np.tile(voltage, 24), np.tile(arrived, 24), []
    for k in range(STEPS):
        front = min(-10 + 19 * k * dt, 10)
        voltage = step(voltage, arrived, np.where(along <= front + 1e-3, polarity, 0.5))
        arrived = np.maximum(voltage, 0)
        kept.append(voltage[central])
    return grey, np.transpose(kept, (2, 0, 1)).reshape(2, 12, STEPS, 8)


@pytest.fixture(scope="module")
def eye():
    return fly_data.build(5, 0)


@pytest.fixture(scope="module")
def reference():
    return reference_eye(5, 0)


@pytest.fixture(scope="module")
def result(eye):
    return fly_vision.experiment(eye)[0]


def test_files_are_those_of_the_manifest():
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    assert len(manifest["arrays"]) == 10
    for entry in manifest["arrays"]:
        content = (FOLDER / entry["file"]).read_bytes()
        assert len(content) == entry["bytes"]
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    wiring = (FOLDER / "connectome_fib25-fib19_v2.2.json.gz").read_bytes()
    assert hashlib.sha256(wiring).hexdigest() == "5af17437b0f22cbd89753e036b6d5bdf5db2ec11aea10f6d3a1c7ce0ecc73b2b"
    assert "MIT License" in (FOLDER / "LICENSE-flyvis.txt").read_text()


def test_damaged_file_is_refused(tmp_path, monkeypatch):
    copy = tmp_path / "data" / "fly_vision"
    copy.mkdir(parents=True)
    for file in FOLDER.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "bias.bin").write_bytes(bytes(13000))
    monkeypatch.setattr(fly_data.resources, "files", lambda package: tmp_path)
    with pytest.raises(RuntimeError, match="bias.bin of the fly's data is damaged"):
        fly_data.load.__wrapped__()


@pytest.mark.parametrize(("extent", "cells", "connections"), [(5, 5759, 171471), (15, 45669, 1513231)])
def test_size(extent, cells, connections):
    eye = fly_data.build(extent, 0)
    assert eye.size == len(eye.tau) == len(eye.bias) == cells
    assert len(eye.pre) == len(eye.post) == len(eye.weight) == connections


@pytest.mark.parametrize(("extent", "model"), [(5, 0), (2, 49)])
def test_expansion_is_that_of_the_reference(extent, model):
    eye = fly_data.build(extent, model)
    cells, weights, tau, bias = reference_eye(extent, model)
    assert [(eye.types[k], u, v) for k, u, v in _cells_of(eye)] == list(cells)
    mine = scipy.sparse.coo_array((eye.weight, (eye.post, eye.pre)), shape=weights.shape).tocsr()
    assert abs(mine - weights).max() <= 1e-14 * abs(weights).max()
    np.testing.assert_array_equal(eye.tau, 1000 * tau)
    np.testing.assert_array_equal(eye.bias, bias)
    for name in DETECTORS:
        assert eye.central(name) == cells[name, 0, 0][0]


def _cells_of(eye):
    kind = np.repeat(np.arange(len(eye.types)), np.diff(eye.bounds))
    return zip(kind, eye.u.tolist(), eye.v.tolist(), strict=True)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"extent": 1}, "`extent` must be a whole number from 2 to 15, got 1"),
        ({"extent": 16}, "`extent` must be a whole number from 2 to 15, got 16"),
        ({"model": -1}, "`model` must be a whole number from 0 to 49, got -1"),
        ({"model": 50}, "`model` must be a whole number from 0 to 49, got 50"),
    ],
)
def test_range_of_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        fly_data.build(**kwargs)


@pytest.mark.parametrize("direction", [0.0, 90.0, 210.0])
def test_edge(eye, direction):
    edge = fly_vision.edge(eye, direction, 0.0, onset=100.0)
    assert np.all(np.asarray(edge.light(jnp.asarray(95.0))) == 0.5)
    x, y = eye.positions("R1")
    along = x * np.cos(np.deg2rad(direction)) + y * np.sin(np.deg2rad(direction))
    # 400 ms after its entry at -10 the edge is at -2.4, and at the end at 10.
    light = np.asarray(edge(jnp.asarray(500.0), dt=5.0))
    assert light.shape == (eye.size,)
    for k in range(8):
        assert np.all(light[eye.cells(f"R{k + 1}")] == np.where(along <= -2.4, 0.0, 0.5))
    assert np.all(light[8 * len(x) :] == 0.0)
    # The edge stays where it is told to.
    edge = fly_vision.edge(eye, direction, 0.0, onset=100.0, stop=4.5)
    assert np.all(np.asarray(edge.light(jnp.asarray(5000.0))) == np.where(along <= 4.5, 0.0, 0.5))
    assert along.max() > 8.0


def test_time_constants_are_at_least_one_step(eye):
    short = np.where(np.arange(eye.size) < 10, 1.0, eye.tau)
    tau = np.asarray(fly_vision.network(dataclasses.replace(eye, tau=short)).populations["eye"].cell.tau)
    assert np.all(tau[:10] == 5.0)
    np.testing.assert_allclose(tau[10:], eye.tau[10:], rtol=1e-6)


def test_voltages_are_those_of_scipy(reference, result):
    grey, voltage = reference_run(*reference)
    assert np.abs(voltage - grey).max() > 0.5
    np.testing.assert_allclose(result.grey, grey, atol=2e-5)
    np.testing.assert_allclose(result.voltage, voltage, atol=2e-5)


def test_voltages_in_double_precision(x64):
    result, _ = fly_vision.experiment(fly_data.build(2, 0))
    grey, voltage = reference_run(*reference_eye(2, 0))
    np.testing.assert_allclose(result.grey, grey, atol=1e-12)
    np.testing.assert_allclose(result.voltage, voltage, atol=1e-12)


def test_batch_is_what_one_run_gives(eye, result):
    """A condition simulated alone, from the beginning and in one piece."""
    cells = [eye.central(name) for name in DETECTORS]
    net = fly_vision.network(eye)
    sol = nex.simulate(
        net,
        1000.0 + 5.0 * STEPS,
        5.0,
        {"eye": fly_vision.edge(eye, 240.0, 0.0)},
        record={"v": nex.voltage("eye", cells)},
    )
    np.testing.assert_allclose(sol.records["v"].values[199], result.grey, atol=1e-6)
    np.testing.assert_allclose(sol.records["v"].values[200:], result.voltage[1, 8], atol=5e-6)


def test_sweeps():
    eye = fly_data.build(2, 0)
    _, sweeps = fly_vision.experiment(eye, ("T4c", "L1"))
    assert list(sweeps) == [90.0, 270.0]
    up, down = sweeps[90.0], sweeps[270.0]
    _, y = eye.positions("T4c")
    for sweep, sign in ((up, 1.0), (down, -1.0)):
        assert sweep.change["T4c"].shape == sweep.change["L1"].shape == sweep.light.shape == (len(sweep.ts), 19)
        assert np.all(sweep.light[0] == 0.5)
        assert np.all(sweep.light[-1] == 1.0)
        # Columns further along the way brighten later.
        reached = (sweep.light == 0.5).sum(axis=0)
        assert np.corrcoef(reached, sign * y)[0, 1] > 0.99
    middle = np.flatnonzero(y == 0.0)
    assert up.change["T4c"][:, middle].max() > 2 * down.change["T4c"][:, middle].max()


def test_all_detectors_are_tuned_as_in_the_living_fly(result):
    for name, angle in result.preferred().items():
        known = {"a": 180, "b": 0, "c": 90, "d": 270}[name[-1]]
        assert abs((angle - known + 180) % 360 - 180) < 35


@pytest.mark.thorough
def test_preferred_directions_of_the_whole_eye():
    result, _ = fly_vision.experiment(fly_data.build(15, 0))
    found = result.preferred()
    assert list(found) == DETECTORS
    expected = [175, 352, 62, 267, 186, 350, 102, 255]  # from an independent SciPy implementation
    for name, angle in zip(DETECTORS, expected, strict=True):
        assert abs((found[name] - angle + 180) % 360 - 180) < 1.0, name
