"""Kernels of fused scans as they are launched, compiled for GPUs of four kinds and lowered for CUDA."""

import functools
import os
import re


os.environ["NEUROEQX_CUDA_ARCH"] = "90"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neuroeqx as nex  # noqa: E402
import pytest  # noqa: E402
import scan_bodies as bodies  # noqa: E402
from neuroeqx import fuse  # noqa: E402
from neuroeqx.fuse import _scan  # noqa: E402
from neuroeqx.ops import _triton  # noqa: E402


# Triton reads what this sets when it is imported, which `compiler` does.
_triton.require()

import compiler  # noqa: E402


TARGETS = ("80", "90", "100", "gfx942")
# Registers of a thread, twice as many in float64. Programs have 128 threads, a multiprocessor 65,536 registers: 8 programs.
CEILING = {"LIF Euler": 56, "LIF ExpEuler": 64, "AdEx": 64, "Izhikevich": 56, "TraubMiles": 80}

# The same of the kernels backwards in time.
BACKWARDS = {"LIF Euler": 80, "LIF ExpEuler": 96, "AdEx": 96, "Izhikevich": 72, "TraubMiles": 128}

# Instructions that are no good far from zero.
APPROXIMATE = r"\b(sin|cos|tanh|lg2)\.approx"


@pytest.fixture(scope="module")
def launches():
    return compiler.record()


def launch_of(launches, function, *operands):
    """The launch that the last scan is lowered to."""
    launches.clear()
    eqn = bodies.scan_equations(function, *operands)[-1]
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]
    jax.jit(lambda *operands: _scan._triton(*operands, **eqn.params)).lower(*shapes)
    [launch] = launches
    return launch


def look_at(launch, target, folder):
    compiled = launch.compile(target)
    used = compiler.resources(compiled, target, folder)
    print(target, used)
    assert used["spills"] == 0
    if not target.startswith("gfx"):
        ptx = compiled.asm["ptx"]
        assert re.search(r"^\.version 8\.\d", ptx, re.MULTILINE)
        done = compiler.assemble(ptx, "ptxas-blackwell", folder)
        assert done.returncode == 0, done.stderr
        assert not re.search(APPROXIMATE, ptx)
        return used["registers"], ptx
    return used["registers"], ""


@pytest.mark.parametrize("name, real", [*((name, "float32") for name in bodies.CELLS), ("TraubMiles", "float64")])
def test_cells(name, real, launches, tmp_path):
    with jax.enable_x64(real == "float64"):
        launch = launch_of(launches, *bodies.flat(bodies.cell(name, 301, real)))
    for target in TARGETS if name == "LIF Euler" else ("90",):
        registers, ptx = look_at(launch, target, tmp_path)
        assert registers <= CEILING[name] * (1 if real == "float32" else 2), (name, target)
        assert real == "float64" or ".f64" not in ptx


@pytest.mark.parametrize("name", bodies.CELLS)
def test_gradients(name, launches, tmp_path):
    """The kernel backwards in time, which computes a step again and carries cotangents."""
    function, state, current = bodies.cell(name, 301, "float32")[0], *bodies.cell(name, 301, "float32")[1]
    outputs = lambda scan, current: jax.tree.leaves(function(scan, state, current))
    total = lambda scan, current: sum(jnp.sum(x) for x in outputs(scan, current) if x.dtype == current.dtype)
    launch = launch_of(launches, lambda scan, current: jax.grad(functools.partial(total, scan))(current), current)
    for target in ("90", "gfx942") if name == "TraubMiles" else ("90",):
        registers, ptx = look_at(launch, target, tmp_path)
        assert registers <= BACKWARDS[name], (name, target)
        assert ".f64" not in ptx


def test_memory_is_touched_once(launches, tmp_path):
    """Of each lane the state is read and written once, whatever the number of steps: registers hold it in between."""

    def function(scan, v, xs):
        return scan(lambda v, x: (0.9 * v + x, None), v, xs)

    launch = launch_of(launches, function, jnp.zeros(1000), jnp.zeros((100, 1000)))
    _, ptx = look_at(launch, "90", tmp_path)
    assert len(re.findall(r"\bst\.global", ptx)) == 1
    assert len(re.findall(r"\bld\.global", ptx)) == 1 + 4 + 1  # the state; four inputs together; those that are left
    assert "ld.local" not in ptx


# All of a kind in one kernel: a kernel for each would take a minute.
@pytest.mark.parametrize("target", ["90", "gfx942"])
@pytest.mark.parametrize("kind, dtype", sorted({case[1:] for case in bodies.PRIMITIVES}))
def test_primitives(kind, dtype, target, launches):
    with jax.enable_x64("64" in dtype):
        cases = [bodies.primitive(*case) for case in bodies.PRIMITIVES if case[1:] == (kind, dtype)]
        functions = [function for function, _ in cases]
        every = lambda scan, *xs: [
            scan(lambda carry, x: (carry, [_apply(f, x) for f in functions]), jnp.int32(0), tuple(x[None] for x in xs))
        ]
        launch = launch_of(launches, every, *cases[0][1])
    compiled = launch.compile(target)
    assert target.startswith("gfx") or not re.search(APPROXIMATE, compiled.asm["ptx"])


def _apply(function, xs):
    """What is applied, of a body that applies something to what it is given."""
    return function(lambda body, carry, given: (carry, body(carry, jax.tree.map(lambda x: x[0], given))[1]), *xs)


def test_random_numbers(launches, tmp_path):
    launch = launch_of(launches, bodies.random, jax.random.key(0), jnp.zeros(1000))
    registers, _ = look_at(launch, "90", tmp_path)
    assert registers <= 64


def test_lowering(monkeypatch):
    """A layer inside of `jit`, and a simulation, for CUDA: one kernel and no loop."""
    jax.clear_caches()
    scan = lambda v, xs: fuse.scan(lambda v, x: (0.9 * v + x, v > 1.0), v, xs)
    population = nex.Population(bodies.lif(), 300)

    def simulation(drive):
        drive = nex.Samples(drive)
        return jax.tree.leaves(nex.simulate(population, 1.0, 0.1, drive, record={"v": nex.voltage()}).records)

    for function, operands in (
        (scan, (jnp.zeros(300), jnp.zeros((10, 300)))),
        (jax.vmap(scan), (jnp.zeros((3, 300)), jnp.zeros((3, 10, 300)))),
        (simulation, (jnp.zeros((10, 300)),)),
    ):
        text = jax.jit(function).trace(*operands).lower(lowering_platforms=("cuda",)).as_text()
        assert len(re.findall(r"@triton_kernel_call\(", text)) == 1 and "stablehlo.while" not in text
