"""Calls with arguments of the wrong kind, each with the beginning of a helpful answer.

The suite runs under a run-time type checker, whose own errors would come first; users do not, so these calls are made in a
process without it.
"""

import json
import re
import subprocess
import sys

import pytest


CALLS = {
    "nex.cable.Cell('cell.swc', {})": r"Cell: `compartments` must be Compartments\(morphology, rule\), got str",
    "nex.cable.Cell(PARTS, {}, method='CN')": r"Cell: `method` must be BackwardEuler\(\) or CrankNicolson\(\), got 'CN'",
    "nex.cable.Compartments([1], 1)": r"Compartments: `morphology` must be a Morphology, got list",
    "nex.cable.Morphology([9.0])": r"Morphology: `branches` holds a float, not a Branch",
    "nex.Refractory(nex.Leaky(), 2.0)": r"Refractory: `cell` must be a neuron \(AbstractNeuron\), got Leaky",
    "nex.EscapeRate(nex.Refractory(nex.LIF(), 2.0), 1.0)": r"EscapeRate: `cell` must be a neuron .* got Refractory",
    "nex.Every(nex.LIF(), 2.0)": r"Every: `n` must be a whole number of steps, at least 1, got 2\.0",
    "nex.Substeps(nex.LIF(), True)": r"Substeps: `n` must be a whole number of steps",
    "nex.FromDiffrax('heun')": r"FromDiffrax: `solver` must be a diffrax solver, got 'heun'",
    "nex.GLIF(voltage_threshold=nex.SpikeThreshold(0.1, 1.0))": r"must be a VoltageThreshold or None, got SpikeThreshold",
    "nex.LIF(tau='fast')": r"A parameter must be a number or an array of numbers, got 'fast'",
    "nex.LIF(tau=1j)": r"A parameter must be real, got 1j",
    "nex.Population(nex.LIF, 3)": r"Population: `cell` must be a cell such as LIF\(\)",
    "nex.Population(nex.LIF(), 3.5)": r"Population: `shape` must be a whole number",
    "nex.Population(nex.LIF(), 3, {'ampa': nex.Expon(5.0)})": r"receptor 'ampa' must be a Receptor\(syn, out\), got Expon",
    "nex.Receptor(nex.LIF(), nex.CUBA())": r"Receptor: `syn` must be linear kinetics",
    "nex.Receptor(nex.NMDA(), nex.MgBlock())": r"linear kinetics .* got NMDA\. .* use Projection\(release=",
    "nex.Receptor(nex.STP(), nex.CUBA())": r"linear kinetics .* got STP\. .* use Projection\(release=",
    "nex.Receptor(nex.Expon(), nex.Expon())": r"Receptor: `out` must be an output such as COBA",
    "nex.Projection(1, 'E', 'ampa', nex.connect.one_to_one(1.0))": r"`pre` and `post` are names or part",
    "nex.Projection('E', 'E', 0, nex.connect.one_to_one(1.0))": r"`receptor` must be the name of a receptor, got 0",
    "nex.Projection('E', 'E', 'ampa', np.eye(3))": r"`comm` must be a connectivity or a rule .* got ndarray",
    "nex.Projection('E', 'E', 'in', nex.connect.one_to_one(1.0), coupling=nex.COBA(0.0))": r"GapJunction\(\), got COBA",
    "nex.Network({'E': nex.LIF()})": r"population 'E' must be a Population or a source with a shape, got LIF",
    "nex.Network({'E': nex.Population(nex.LIF(), 3)}, ['E'])": r"`projections` holds a str, not a Projection",
    "nex.SpikeTimes([1.0], [0.5], 3)": r"SpikeTimes: `indices` must be integers",
    "nex.simulate(nex.Population(nex.LIF(), 3), '10', 0.1)": r"simulate: `t1` must be a Python number, got str",
    "nex.simulate(nex.Population(nex.LIF(), 3), 1.0, 0.1, record={'v': 'v'})": r"`record\['v'\]` must be a recorder",
    "nex.simulate(nex.Network({'E': nex.Population(nex.LIF(), 3)}), 1.0, 0.1, 20.0)": r"dictionary by population",
    "nex.Repeated(nex.LIF(), 2)": r"Repeated: `stepper` must be a stepper such as RK4\(\), got LIF",
    "nex.Refractory(nex.Substeps(nex.Leaky(), 2), 1.0)": r"Refractory: `cell` must be a neuron",
    "nex.spikes('E', [0.5])": r"`indices` must be whole numbers",
    "fanout.matvec(jnp.ones(3), INDICES, jnp.ones(4), n_post=3)": r"ValueError: weight has shape \(3,\), expected \(\) or",
    "fanout.matvec(jnp.ones(()), INDICES, jnp.ones(5), n_post=3)": r"ValueError: x has length 5, but the matrix has 4 rows",
    "fanout.matvec(jnp.ones(()), INDICES[0], jnp.ones(4), n_post=3)": r"expected int32\[n_pre, k\]",
    "fanout.matvec(jnp.ones((), 'float16'), INDICES, jnp.ones(4), n_post=3)": r"must be the same, or the weight bfloat16",
    "fanout.matvec(jnp.ones(()), INDICES, jnp.ones(4), n_post=3, backend='cuda')": r"ValueError: backend is 'cuda', expected",
    "fanout.matvec(jnp.ones(()), INDICES, jnp.ones(4), n_post=3, active=(INDICES[:, 0][:3], INDICES[0, 0]))": (
        r"ValueError: active is \(int32\[3\], int32\[\]\), expected .* \(int32\[4\], int32\[\]\)"
    ),
    "fanout.add_matvec(jnp.ones(3), jnp.ones(()), INDICES, jnp.ones(4), offset=jnp.float32(0))": (
        r"offset is float32\[\], expected int32\[\]"
    ),
    "nex.ops.events.compact(jnp.ones(2, bool))": r"x has dtype bool",
    "nex.ops.events.compact(jnp.ones((2, 2)))": r"ValueError: x has shape \(2, 2\), expected one axis",
    "nex.connect.integers(0.5, 2)": r"integers: `low` must be a whole number, got 0\.5",
}


@pytest.fixture(scope="module")
def answers():
    code = f"""
import json, jax.numpy as jnp, numpy as np, neuroeqx as nex
from neuroeqx.ops import fanout
PARTS = nex.cable.Compartments(nex.cable.Morphology([nex.cable.Branch(9.0, 1.0)]), 1)
INDICES = jnp.zeros((4, 2), jnp.int32)
answers = {{}}
for call in {list(CALLS)!r}:
    try:
        eval(call)
        answers[call] = "no error"
    except TypeError as error:
        answers[call] = str(error)
    except Exception as error:
        answers[call] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(answers))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1])


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_type_is_named(call, answers):
    assert re.search(CALLS[call], answers[call]), answers[call]
