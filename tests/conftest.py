"""Strict JAX for the whole suite, and both precisions for whatever asks for `dtype`."""

import contextlib
import gc
import json
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import jax
import jaxlib.version
import jaxtyping
import pytest
from neuroeqx.testing.ledger import Entry


# Most of the time goes into the compiling of small programs that run once. XLA does that in half the time without its new
# emitters (the choice is gone from jaxlib 0.11), and in less without optimising. It reads this when it is first used.
_quick = ["--xla_backend_optimization_level=0"]
if jaxlib.version.__version_info__ < (0, 11):
    _quick.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join([*_quick, os.environ.get("XLA_FLAGS", "")])


# Many tests compile what another has compiled: a quarter of the time, in all processes of a run together. Of this run only,
# so that nothing is remembered from an older tree.
_given = "JAX_COMPILATION_CACHE_DIR" in os.environ
if not _given:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="neuroeqx-programs-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def pytest_unconfigure():
    if not _given:
        shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


# The same examples in every run: one that fails can be looked at.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")


jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Runs a test in single and in double precision."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.fixture
def no_leaks():
    """A context in which tracers that outlive their transformation are errors."""

    @contextlib.contextmanager
    def checking():
        # JAX looks for them among all objects, of which there are millions after some hundred tests.
        gc.collect()
        gc.freeze()
        try:
            with jax.checking_leaks():
                yield
        finally:
            gc.unfreeze()

    return checking


@pytest.fixture
def x64():
    """Runs a test in double precision."""
    with jax.enable_x64(True):
        yield


def pytest_addoption(parser):
    parser.addoption("--ledger", help="a folder for what tests find of models (see neuroeqx.testing.ledger)")
    parser.addoption("--thorough", action="store_true", help="also cases that repeat others, for more cells or kernels")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if "ledger" in getattr(item, "fixturenames", ()):
            item.add_marker("ledger")
    if not config.getoption("--thorough"):
        left = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left)


# The types of arguments are checked in the tests of each part. These go through the same functions again, with other aims, and
# the checks take a fifth of the time.
_UNTYPED = frozenset({"connect", "demos", "fuse", "laws", "nest", "ops", "train"})


def pytest_runtest_setup(item):
    folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
    jaxtyping.config.update("jaxtyping_disable", folder in _UNTYPED)


@pytest.fixture
def ledger(request):
    """Holds an error against a tolerance, and notes what was found of a model for `docs/fidelity.md`."""

    def found(model, reference, quantity, error, tolerance, departures=""):
        name = f"{request.node.path.relative_to(request.config.rootpath / 'tests')}::{request.node.originalname}"
        entry = Entry(model, reference, quantity, float(error), float(tolerance), departures, name)
        folder = request.config.getoption("--ledger")
        if folder:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
            with open(Path(folder) / f"{worker}.jsonl", "a") as file:
                file.write(json.dumps(entry._asdict()) + "\n")
        assert error <= tolerance, f"{model}, {quantity}: {error} against {reference}, allowed {tolerance}"

    return found
