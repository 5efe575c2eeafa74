"""Where the checks of results run: in the interpreter if `TRITON_INTERPRET=1`, else on a GPU, as users' programs do."""

import contextlib
import os

import jax
import pytest


INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

if INTERPRETED:
    import interpreter

    interpreter.install()
elif jax.default_backend() != "gpu":
    pytest.exit("these checks need a GPU, or TRITON_INTERPRET=1", returncode=1)


@pytest.fixture
def watched(monkeypatch):
    """Every access to memory is checked, where that is possible."""
    if INTERPRETED:
        import memcheck

        monkeypatch.setattr(interpreter, "watch", memcheck.Memcheck)


def lower_to_kernels(*primitives):
    """Lowers primitives of ours to kernels on this platform."""
    if INTERPRETED:
        interpreter.use_kernels_on_cpu(*primitives)


@contextlib.contextmanager
def launches(*names, exactly=None):
    """Asserts that the kernels of these names, and `exactly` of these numbers, run inside of the `with` statement."""
    begin = len(interpreter.launches) if INTERPRETED else 0
    yield
    if INTERPRETED:
        jax.effects_barrier()
        seen = interpreter.launches[begin:]
        assert set(names) <= set(seen), seen
        for name, number in (exactly or {}).items():
            assert seen.count(name) == number, seen


@contextlib.contextmanager
def precision(double):
    """As `jax.enable_x64`, but also in the threads that XLA calls the interpreter from."""
    jax.config.update("jax_enable_x64", double)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)
