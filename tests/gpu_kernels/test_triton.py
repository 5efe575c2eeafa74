"""The kernels for GPUs, as far as a machine without one can tell: interpreted, compiled, lowered. `tests/gpu` executes them.

Each group of checks runs in a process of its own: Triton is told when it is imported whether it interprets, and the hook
that checks the types of this package in all other tests would put itself between `triton.jit` and the kernels.
"""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from thorough import all_but


HERE = Path(__file__).parent
INTERPRETED = {
    "TRITON_INTERPRET": "1",
    # XLA compiles what is compared with, for one use.
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
}
INSTALL = 'pip install -e ".[dev,gpu-evidence]"'
# The packages that a group needs, and its environment.
KERNELS = ("triton", "jax-triton", "jax-cuda13-plugin")
GROUPS = {
    "rows events": (KERNELS, INTERPRETED),
    "procedural memory whole": (KERNELS, INTERPRETED),
    "compiled": (KERNELS, {}),
    "lowered": ((*KERNELS, "jax-cuda13-pjrt", "flatbuffers"), {}),
    "scan": (KERNELS, INTERPRETED),
    "scan_compiled": (KERNELS, {}),
    "imports": ((), {}),
}


def missing(packages):
    """The distributions that are not there."""
    installed = {distribution.name.lower() for distribution in metadata.distributions()}
    return [package for package in packages if package not in installed]


@pytest.mark.parametrize("group", all_but(GROUPS, ("lowered", "imports")))
def test_checks(group):
    packages, environment = GROUPS[group]
    if lacking := missing(packages):
        pytest.skip(f"not installed: {', '.join(lacking)} ({INSTALL})")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TRITON", "NEUROEQX"))}
    fixed = {"JAX_PLATFORMS": "cpu", "TRITON_DEFAULT_FP_FUSION": "0"}
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(str(HERE / f"check_{name}.py") for name in group.split())],
        env=inherited | fixed | environment,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout[-20_000:] + done.stderr[-2_000:]
    assert done.returncode == 0, report
    assert " passed" in report and " skipped" not in report, report
