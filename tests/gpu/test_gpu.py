"""The kernels on a GPU: the checks of `tests/gpu_kernels` that compare results, executed instead of interpreted, and more.

Passed on an H100 (jax 0.11.2, jax-triton 0.3.1, triton 3.6.0), 321 checks.
"""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest


HERE = Path(__file__).parent
KERNELS = HERE.parent / "gpu_kernels"
GROUPS = {
    "rows": KERNELS / "check_rows.py",
    "procedural": KERNELS / "check_procedural.py",
    "events": KERNELS / "check_events.py",
    "whole": KERNELS / "check_whole.py",
    "scan": KERNELS / "check_scan.py",
    "device": HERE / "check_device.py",
}


def lacking():
    """Why nothing can run here. Asked of the machine, not of JAX, which would take the GPU's memory for this process."""
    if not (Path("/dev/nvidia0").exists() or Path("/dev/kfd").exists()):
        return "this machine has no GPU"
    installed = {distribution.name.lower() for distribution in metadata.distributions()}
    if not any(name.startswith(("jax-cuda", "jax-rocm")) and name.endswith("-pjrt") for name in installed):
        return "JAX is installed without its plugin for GPUs"
    return None if "jax-triton" in installed else "jax-triton is not installed (neuroeqx[cuda])"


@pytest.mark.parametrize("group", GROUPS)
def test_checks(group):
    if reason := lacking():
        pytest.skip(reason)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TRITON", "NEUROEQX", "XLA"))
    }
    environment.pop("JAX_PLATFORMS", None)
    # The process that runs this may hold memory of the GPU, too.
    paths = [str(KERNELS), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PYTHONPATH": os.pathsep.join(paths)}
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(GROUPS[group])],
        env=environment,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout[-20_000:] + done.stderr[-2_000:]
    print(report)  # how many, and how long they took: `pytest -rP`
    assert done.returncode == 0, report
    assert " passed" in report and " skipped" not in report, report
