"""Kernels as they are launched, compiled for GPUs of four kinds: no spills, few registers, reductions that do not wait."""

import re

import jax
import pytest
from neuroeqx.ops import _triton, _triton_row_calls as rows
from neuroeqx.ops.events import _triton as events
from neuroeqx.ops.procedural import _triton as procedural
from neuroeqx.ops.procedural._law import Grid, Law


# Triton reads what this sets when it is imported, which `compiler` does.
_triton.require()

import compiler  # noqa: E402


TARGETS = ("80", "90", "100", "gfx942")
# Registers of a thread. Programs have 128 threads, a multiprocessor 65,536 registers: 4 programs at the least.
CEILING = {"rows": 48, "rows in 64 bits": 72, "procedural": 128, "events": 104}
shape = jax.ShapeDtypeStruct


def vectors(n_pre=4000, n_post=4000, real="float32", members=None):
    batch = () if members is None else (members,)
    return shape((*batch, n_post), real), shape((*batch, n_pre), real)


def stored(
    launches, name, real="float32", index="int32", k=None, members=None, weight=True, dtype=None, turned=False, n=4000
):
    """Notes the launches of all products of one kind of matrix."""
    nnz = 80 * n
    g, x = vectors(n, n, real, members)
    indices = shape((n, k) if k else (nnz,), "int32")
    pointers = None if k else shape((n + 1,), index)
    w = shape(indices.shape if weight else (), dtype or real)
    batch = x.shape[:-1]
    active = (shape(x.shape, "int32"), shape(batch, "int32"))
    offset = shape((), "int32") if turned else None

    def products(g, w, x, indices, pointers, offset, active):
        place = (indices, pointers, offset)
        if name == "fixed point":
            yield rows.add_matvec(g, w, x, *place, active=None)
            return
        for listed in (None, active) if name in ("csr", "fanout") else (None,):
            yield rows.add_matvec(g, w, x, *place, active=listed)
            yield rows.outer(x, g, *place, active=listed, weight_shape=())
        yield rows.rmatvec(w, g, *place, n_pre=n)
        yield rows.outer(x, g, *place, active=None, weight_shape=indices.shape)
        if weight and not members:
            yield rows.add_outer(w, x, g, *place, active=None)
            if pointers is not None:
                yield rows.add_outer(w, x, g, *place, active=active, order=indices)

    return note(launches, products, g, w, x, indices, pointers, offset, active)


def drawn(launches, law, real="float32", turned=False, listed=False):
    g, x = vectors(law.n_pre, law.columns, real)
    structure = [shape(size, "uint32") for size in law.shapes().values()]
    structure += [shape((), "int32")] if turned else []
    active = (shape(x.shape, "int32"), shape((), "int32")) if listed else None

    def products(g, w, x, structure, active):
        yield procedural.add_matvec(g, w, x, *structure, active=active, event=True, law=law)
        yield procedural.rmatvec(w, g, *structure, n_pre=law.n_pre, law=law)
        yield procedural.outer(x, g, *structure, active=active, weight_shape=w.shape, law=law)

    return note(launches, products, g, shape(law.theta_shape, real), x, structure, active)


def listed_events(launches, n):
    buffer, count, x = shape((500, 2), "int32"), shape((), "int32"), shape((n,), "float32")

    def lists(buffer, count, x):
        yield events.compact(x)
        yield events.append(buffer, count, x, count)

    return note(launches, lists, buffer, count, x)


def note(launches, function, *operands):
    launches.clear()
    jax.jit(lambda *operands: list(function(*operands))).lower(*operands)
    return list(launches)


GROUPS = {
    "csr": lambda launches: stored(launches, "csr"),
    "csr double": lambda launches: stored(launches, "csr double", "float64", "int64", turned=True),
    "csr batch": lambda launches: stored(launches, "csr batch", members=32, weight=False),
    "fanout": lambda launches: stored(launches, "fanout", k=80, turned=True),
    "fixed point": lambda launches: stored(launches, "fixed point"),
    "one": lambda launches: stored(launches, "csr", n=1, turned=True),
    "fanout one": lambda launches: stored(launches, "fanout", k=1, n=1, members=1),
    "huge": lambda launches: stored(launches, "huge", k=60_000, n=60_000, members=2),
    "gap one": lambda launches: drawn(launches, Law(1, 1, digits=1, grid=Grid((1, 1), (1, 1), (0, 0))), turned=True),
    "degree": lambda launches: drawn(launches, Law(4000, 4000, k=80)),
    "degree normal delays": lambda launches: drawn(
        launches, Law(4000, 4000, k=1000, weights="normal", delays=(1, 9), autapses=False), turned=True, listed=True
    ),
    "gaps uniform": lambda launches: drawn(launches, Law(4000, 4000, digits=1, weights="uniform")),
    "large gaps": lambda launches: drawn(launches, Law(4000, 100_000, digits=2, weights="normal"), real="float64"),
    "grid": lambda launches: drawn(
        launches, Law(4096, 4096, digits=1, weights="normal", grid=Grid((64, 64), (64, 64), (9, 9), periodic=True))
    ),
    "events": lambda launches: listed_events(launches, 4000),
    "many events": lambda launches: listed_events(launches, 400_000),
}
WITH_ATOMICS = {"add_matvec"}


@pytest.fixture(scope="module")
def launches():
    return compiler.record()


@pytest.mark.parametrize("group", GROUPS)
def test_machine_code(group, launches, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROEQX_DETERMINISTIC", "1" if group == "fixed point" else "0")
    with jax.enable_x64("double" in group or group == "large gaps"):
        noted = GROUPS[group](launches)
    assert noted
    family = "rows in 64 bits" if group in ("csr double", "huge") else "rows"
    family = "procedural" if any("DIGITS" in one.constants for one in noted) else family
    family = "events" if "events" in group else family
    assert any(one.constants.get("WIDE") for one in noted) == (group == "huge")
    every = group in ("csr", "many events")
    seen = set()
    for one in noted:
        targets = TARGETS if every and one.name not in seen else ("90",)
        for target in targets:
            compiled = one.compile(target)
            used = compiler.resources(compiled, target, tmp_path)
            print(one.name, group, target, used)
            assert used["spills"] == 0, (one, target)
            assert used["registers"] <= CEILING[family], (one, target)
            if not target.startswith("gfx"):
                look_at_ptx(one, compiled.asm["ptx"], tmp_path, again=one.name not in seen)
        seen.add(one.name)


def look_at_ptx(one, ptx, folder, again=True):
    assert not re.findall(r"\batom\.", ptx), "an atomic operation whose old value is waited for"
    reductions = re.findall(r"\bred\.\S+", ptx)
    assert bool(reductions) == (one.name in WITH_ATOMICS), one.name
    assert all(".relaxed." in reduction for reduction in reductions)
    assert not re.findall(r"\bfma\.", ptx), "a weight would not have the bits that it has on CPU"
    if not one.constants.get("FIXED") and not one.name.endswith("fixed") and "*fp64" not in one.signature.values():
        assert ".f64" not in ptx
    # What Triton has assembled with CUDA 12.9 must be accepted by that of CUDA 13, too.
    assert re.search(r"^\.version 8\.\d", ptx, re.MULTILINE)
    if again:
        done = compiler.assemble(ptx, "ptxas-blackwell", folder)
        assert done.returncode == 0, done.stderr


def test_without_the_pin_older_assemblers_refuse(launches, monkeypatch, tmp_path):
    """The fault that `pin_ptx_version` is there for."""
    [one, *_] = GROUPS["events"](launches)
    ptx = one.compile("90").asm["ptx"]
    assert compiler.assemble(ptx, "ptxas", tmp_path).returncode == 0
    monkeypatch.delenv(_triton.PTXAS)
    newest = one.compile("90").asm["ptx"]
    refused = compiler.assemble(newest, "ptxas", tmp_path)
    assert refused.returncode != 0 and "version" in refused.stderr


def test_a_reduction_that_waits_is_seen(launches, tmp_path):
    """The fault that is looked for: without `sem="relaxed"` Triton orders memory at every addition."""
    import faults

    signature = {"out": "*fp32", "BLOCK": "constexpr"}
    ptx = compiler.Launch(faults.ordered, signature, {"BLOCK": 128}, 4).compile("90").asm["ptx"]
    with pytest.raises(AssertionError, match="waited for"):
        look_at_ptx(compiler.Launch(faults.ordered, {}, {}, 4), ptx, tmp_path)
