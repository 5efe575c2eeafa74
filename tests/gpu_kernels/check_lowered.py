"""Whole programs for CUDA on a machine that has none: lowered, compiled by XLA for an H100 by description, exported."""

import os
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path


# JAX reads these when it is imported, so what imports it comes after them.
DUMP = tempfile.mkdtemp()
os.environ["XLA_FLAGS"] = f"--xla_dump_to={DUMP} --xla_dump_hlo_as_text"
os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
os.environ["NEUROEQX_CUDA_ARCH"] = "90"

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import neuroeqx as nex  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from jax import export, lax  # noqa: E402
from jax.experimental import topologies  # noqa: E402
from jax.interpreters import mlir  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402
from neuroeqx import ops  # noqa: E402
from neuroeqx.ops import _triton, fanout  # noqa: E402


_triton.require()

import compiler  # noqa: E402


N, K = 300, 20
indices = jnp.asarray(np.random.default_rng(0).integers(0, N, (N, K)), jnp.int32)
weight = jnp.full((N, K), 0.5, jnp.float32)
spikes = jnp.asarray(np.random.default_rng(1).random(N) < 0.2, jnp.float32)


def product(weight, spikes):
    return fanout.matvec(weight, indices, spikes, n_post=N)


def gradient(weight, spikes):
    return jax.grad(lambda *operands: jnp.sum(product(*operands) ** 2), argnums=(0, 1))(weight, spikes)


def scan(weight, spikes):
    step = lambda v, _: (product(weight, (v > 0.5).astype(v.dtype)) + 0.9 * v, jnp.sum(v))
    return lax.scan(step, spikes, length=5)


PROGRAMS = {product: ["add_matvec"], gradient: ["add_matvec", "outer", "rmatvec"], scan: ["add_matvec"]}


def lower(function, *operands):
    jax.clear_caches()  # the environment is no part of the keys
    return jax.jit(function).trace(*operands).lower(lowering_platforms=("cuda",))


def kernels_in(lowered):
    """The decompressed descriptions of the kernels that a program calls, with their PTX."""
    found = []

    def visit(operation):
        if operation.name == "stablehlo.custom_call":
            target = mlir.ir.StringAttr(operation.attributes["call_target_name"]).value
            assert target == "triton_kernel_call"
            found.append(zlib.decompress(mlir.ir.StringAttr(operation.attributes["backend_config"]).value_bytes))
        return mlir.ir.WalkResult.ADVANCE

    lowered.compiler_ir("stablehlo").operation.walk(visit)
    return found


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("arch", ["80", "90", "100"])
def test_lowering_and_its_assembly(program, arch, monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROEQX_CUDA_ARCH", arch)
    kernels = kernels_in(lower(program, weight, spikes))
    texts = [re.search(rb"\.version[\t\n\x20-\x7e]*\}\n", kernel)[0].decode() for kernel in kernels]
    names = sorted(re.search(r"\.visible \.entry (\w+)\(", ptx)[1] for ptx in texts)
    assert names == PROGRAMS[program]
    for ptx in texts:
        assert re.search(rf"^\.target sm_{arch}", ptx, re.MULTILINE)
        for tool in ("ptxas", "ptxas-blackwell"):
            done = compiler.assemble(ptx, tool, tmp_path)
            assert done.returncode == 0, done.stderr


def test_accumulation_in_the_memory_of_the_operand():
    """XLA is told that the sum takes the place of what it is added to."""
    added = lambda out, weight, spikes: fanout.add_matvec(out, weight, indices, spikes)
    text = lower(added, jnp.zeros(N), weight, spikes).as_text()
    assert re.search(r"output_operand_alias<output_tuple_indices = \[[0, ]*\], operand_index = 0", text), text


def test_arch_that_is_none(monkeypatch):
    monkeypatch.setenv("NEUROEQX_CUDA_ARCH", "hopper")
    with pytest.raises(ValueError, match="NEUROEQX_CUDA_ARCH is 'hopper'"):
        lower(product, weight, spikes)


def test_fixed_point_on_request(monkeypatch):
    monkeypatch.setenv("NEUROEQX_DETERMINISTIC", "1")
    assert len(kernels_in(lower(product, weight, spikes))) == 2


def network(rule=lambda stored: stored):
    """A balanced network of 4,000 neurons, as arrays and a function of them for 100 steps."""
    cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
    receptors = {
        "ampa": nex.Receptor(nex.Expon(tau=5.0), nex.COBA(e=0.0)),
        "gaba": nex.Receptor(nex.Expon(tau=10.0), nex.COBA(e=-80.0)),
    }
    excite, inhibit = (rule(nex.connect.bernoulli(p=0.02, weight=weight)) for weight in (0.6, 6.7))
    projections = [
        nex.Projection(nex.part("N", 0, 3200), "N", "ampa", excite, delay=0.1),
        nex.Projection(nex.part("N", 3200, 4000), "N", "gaba", inhibit, delay=0.1),
    ]
    net = nex.Network({"N": nex.Population(cell, 4000, receptors)}, projections, key=jax.random.key(0))
    arrays, static = eqx.partition(net, eqx.is_array)

    def run(arrays, state):
        net = eqx.combine(arrays, static)

        def step(state, i):
            state, out = net.step(state, {"N": 20.0}, dt=0.1, t=i * 0.1)
            return state, sum(jnp.sum(leaf) for leaf in jax.tree.leaves(out))

        return lax.scan(step, state, jnp.arange(100, dtype=jnp.float32))

    def train(arrays, state):
        trained, rest = eqx.partition(arrays, eqx.is_inexact_array)
        return jax.grad(lambda trained: jnp.sum(run(eqx.combine(trained, rest), state)[1]))(trained)

    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (arrays, net.init(dt=0.1)))
    return run, train, shapes


def loops_of(program, shapes):
    """Compiles for an H100 that is not there. What each loop launches in a pass, and bytes of memory."""
    description = (Path(__file__).parent / "h100.txtpb").read_text()
    topology = topologies.get_topology_desc(platform="cuda", topology="1x1x1", target_config=description)
    sharding = NamedSharding(Mesh(np.array(topology.devices[:1]), ("x",)), PartitionSpec())
    jitted = jax.jit(program, in_shardings=sharding, out_shardings=sharding)
    compiled = jitted.trace(*shapes).lower(lowering_platforms=("cuda",)).compile()
    newest = max(Path(DUMP).glob("*thunk_sequence.txt"), key=lambda path: path.stat().st_mtime_ns)
    loops = []
    for part in re.split(r"^ *body:\n", newest.read_text(), flags=re.MULTILINE)[1:]:
        inside = re.match(r"(?: {4,}.*\n)+", part)[0]
        kinds = re.findall(r"^ +\d+: (k\w+)", inside, re.MULTILINE)
        loops.append({kind: kinds.count(kind) for kind in ("kCustomCall", "kCustomKernel", "kCopy", "kMemset")})
    return loops, compiled.memory_analysis()


@pytest.mark.parametrize("procedural", [False, True])
def test_launches_and_memory_of_a_step(procedural):
    """One launch per projection, in the memory of the conductances: nothing is cleared, added or copied for it."""
    run, _, shapes = network(nex.connect.procedural if procedural else lambda stored: stored)
    [step], memory = loops_of(run, shapes)
    print(step, memory)
    assert step["kCustomCall"] == 2 and step["kMemset"] == 0
    assert step["kCustomKernel"] <= 5 and step["kCopy"] <= 3
    assert memory.temp_size_in_bytes < 50_000
    assert (memory.argument_size_in_bytes < 200_000) == procedural


def test_launches_and_memory_of_backpropagation():
    _, train, shapes = network()
    [forward, backward], memory = loops_of(train, shapes)
    print(forward, backward, memory)
    assert (forward["kCustomCall"], backward["kCustomCall"]) == (2, 4)
    assert forward["kCustomKernel"] <= 30 and backward["kCustomKernel"] <= 30
    assert memory.temp_size_in_bytes < 50_000_000


RELOAD = """
import sys
from pathlib import Path
import numpy as np, jax
from neuroeqx import ops
folder = Path(sys.argv[1])
program = ops.register_exported(jax.export.deserialize((folder / "program").read_bytes()))
operands = np.load(folder / "operands.npz")
np.testing.assert_allclose(program.call(operands["weight"], operands["spikes"]), operands["truth"], rtol=1e-6)
assert not {"triton", "jax_triton"} & set(sys.modules)
"""


def test_one_artefact_for_cpu_and_cuda(tmp_path):
    """Made here, run on CPU by another process."""
    exporter = export.export(jax.jit(product), platforms=("cpu", "cuda"), disabled_checks=ops.export_checks())
    exported = exporter(weight, spikes)
    assert set(exported.platforms) == {"cpu", "cuda"}
    assert len(re.findall(r"@triton_kernel_call\(", exported.mlir_module())) == 1
    (tmp_path / "program").write_bytes(exported.serialize())
    np.savez(tmp_path / "operands.npz", weight=weight, spikes=spikes, truth=product(weight, spikes))
    done = subprocess.run([sys.executable, "-c", RELOAD, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
