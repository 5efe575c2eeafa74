"""How the native code is reached: in place, lazily, from a cache, under stable names."""

import os
import re
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import pytest
from jax import export, lax
from neuroeqx.ops import csr, export_checks
from ops_cases import assert_close, Case


def loop_body(text):
    """The instructions of the computation that a while loop of a compiled program repeats."""
    name = re.search(r" while\(.*body=(%[\w.\-]+)", text).group(1)
    return text[text.index(f"\n{name} ") :].split("\n}")[0]


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("loop", ["scan", "fori_loop"])
def test_accumulates_in_place_in_a_loop(loop, batched):
    case = Case(64, 1234)
    members = (5,) if batched else ()

    def run(out, x):
        add = lambda out, x: csr.add_matvec(out, case.weight, case.indices, case.indptr, x)
        add = jax.vmap(add) if batched else add
        if loop == "scan":
            return lax.scan(lambda out, x: (add(out, x), None), out, x)[0]
        return lax.fori_loop(0, 4, lambda i, out: add(out, x[i]), out)

    out, x = case.normal(*members, 1234), case.spikes(4, *members)
    truth = case.dense_add(out, case.weight, x.sum(0))
    compiled = jax.jit(run, donate_argnums=0).lower(out, x).compile()
    body = loop_body(compiled.as_text())
    assert re.search(r'custom_call_target="neuroeqx_rows_add_matvec(_batch)?_float32_float32_uint32_none_none"', body)
    assert not [line for line in body.splitlines() if "1234]" in line.split("=")[-1] and "copy" in line]
    assert_close(compiled(out, x), truth)


def test_names_and_export():
    case = Case(6, 5)

    def loss(weight, x):
        y = csr.matvec(weight, case.indices, case.indptr, x, n_post=5)
        return jnp.sum(y * csr.rmatvec(weight, case.indices, case.indptr, y)[:5])

    gradient = jax.jit(jax.grad(loss, (0, 1)))
    names = {f"neuroeqx_rows_{name}_float32_float32_uint32_none_none" for name in ("add_matvec", "rmatvec", "outer")}
    exported = export.export(gradient, platforms=["cpu"], disabled_checks=export_checks())(case.weight, case.x)
    assert set(re.findall(r"neuroeqx_rows_\w+", exported.mlir_module())) >= names
    assert_close(exported.call(case.weight, case.x), gradient(case.weight, case.x))


def test_other_platforms_take_the_reference():
    case = Case(6, 5)
    product = lambda backend: jax.jit(
        lambda x: csr.matvec(case.weight, case.indices, case.indptr, x, n_post=5, backend=backend)
    )
    text = export.export(product(None), platforms=["tpu"])(case.x).mlir_module()
    assert "custom_call" not in text
    both = export.export(product(None), platforms=["cpu", "tpu"], disabled_checks=export_checks())(case.x)
    assert "neuroeqx_rows_add_matvec_float32" in both.mlir_module()
    with pytest.raises(ValueError, match="backend='native' runs on cpu only"):
        export.export(product("native"), platforms=["tpu"])(case.x)
    if not find_spec("jax_triton"):
        with pytest.raises(ImportError, match="needs jax-triton"):
            export.export(product(None), platforms=["cuda"], disabled_checks=export_checks())(case.x)


def run_python(program, **environment):
    # The package may be under test from its sources, without being installed.
    source = os.path.dirname(os.path.dirname(os.path.abspath(csr.__path__[0])))
    program = f"import sys; sys.path.insert(0, {os.path.dirname(source)!r})\n" + textwrap.dedent(program)
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


PRODUCT = """
    import jax.numpy as jnp
    from neuroeqx.ops import csr, dense, events

    def product(backend):
        ones, indices, indptr = jnp.ones(2), jnp.array([0, 1], jnp.int32), jnp.array([0, 1, 2], jnp.int32)
        return csr.matvec(ones, indices, indptr, ones, n_post=2, backend=backend).tolist()
"""


def test_an_artefact_runs_in_another_process(tmp_path):
    """Where no product has been lowered, its native code is made known by name."""
    pytest.importorskip("flatbuffers")
    path = tmp_path / "program"
    case = Case(6, 5)
    gradient = jax.jit(jax.grad(lambda x: (csr.matvec(case.weight, case.indices, case.indptr, x, n_post=5) ** 2).sum()))
    exported = export.export(gradient, platforms=["cpu"], disabled_checks=export_checks())(case.x)
    path.write_bytes(exported.serialize())
    out = run_python(f"""
        import jax, jax.numpy as jnp, neuroeqx as nex
        program = nex.ops.register_exported(jax.export.deserialize(bytearray(open({str(path)!r}, "rb").read())))
        print(program.call(jnp.array({case.x.tolist()}, jnp.float32)).tolist())
    """)
    assert_close(jnp.array(eval(out), jnp.float32), gradient(case.x))


def test_every_target_is_named():
    """Those that have been registered by now, here and by other tests, are those that an export may hold.

    Native steps are not among them: they are exported in the plain form.
    """
    from neuroeqx.ops import _export, _frame

    case = Case(6, 5)
    csr.matvec(case.weight, case.indices, case.indptr, case.x, n_post=5)
    targets = {name for name in _frame._handlers if not name.startswith("neuroeqx_fused_")}
    assert targets and targets <= set(_export._targets())


def test_the_compiler_is_imported_when_it_is_needed():
    out = run_python(
        PRODUCT
        + """
    print(product("reference"), "llvmlite.binding" in sys.modules)
    print(product(None), "llvmlite.binding" in sys.modules)
    """
    )
    assert out.splitlines() == ["[1.0, 1.0] False", "[1.0, 1.0] True"]


def test_importing_the_package_imports_no_compiler():
    out = run_python('import sys, neuroeqx; print("llvmlite" in sys.modules)')
    assert out.strip() == "False"


def test_the_second_process_does_not_compile(tmp_path):
    program = (
        PRODUCT
        + """
    from neuroeqx.ops import _machine

    made, optimise = [], _machine.optimise
    _machine.optimise = lambda *args: made.append(args[1]) or optimise(*args)
    assert product(None) == [1.0, 1.0]
    print(len(made))
    """
    )
    first, second = (int(run_python(program, NEUROEQX_CACHE_DIR=str(tmp_path))) for _ in range(2))
    assert first > 0
    assert second == 0


def test_gradients_of_shared_weights_across_devices():
    """Inside of `shard_map` the gradient of a replicated weight is the sum over the devices, on both backends."""
    out = run_python(
        """
    import jax
    import jax.numpy as jnp
    from jax.sharding import AxisType, PartitionSpec as P
    from neuroeqx.ops import csr, dense

    indices, indptr = jnp.array([0, 1, 0], jnp.int32), jnp.array([0, 1, 3], jnp.int32)
    x = jnp.arange(8.0).reshape(4, 2)
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))

    def sparse(weight, x, backend):
        return csr.matvec(weight, indices, indptr, x, n_post=2, backend=backend)

    def full(weight, x, backend):
        return dense.matvec(weight, x, backend=backend)

    for product, weight in ((sparse, jnp.arange(3.0)), (sparse, jnp.array(2.0)), (full, jnp.ones((2, 2)))):
        for backend in ("native", "reference"):
            def gradient(weight, x):
                return jax.grad(lambda weight: sum(jnp.sum(product(weight, one, backend) ** 2) for one in x))(weight)

            sharded = jax.shard_map(gradient, mesh=mesh, in_specs=(P(), P("batch")), out_specs=P())
            assert jnp.array_equal(jax.jit(sharded)(weight, x), gradient(weight, x)), (product, backend)
    print("equal on", jax.device_count(), "devices")
    """,
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
    )
    assert out == "equal on 2 devices\n"
