"""The notebooks run from the first cell to the last, and are stored without outputs."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest


NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

# Jupyter runs in a process of its own: its warnings and event loops are no business of this suite. The kernel is that
# of the same interpreter, whatever kernels are installed for the user.
EXECUTE = """
import sys
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient

class SameInterpreter(KernelSpecManager):
    def get_kernel_spec(self, kernel_name):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
manager = AsyncKernelManager(kernel_spec_manager=SameInterpreter())
try:
    NotebookClient(notebook, km=manager, timeout=900).execute()
finally:
    nbformat.write(notebook, target)
"""


def execute(source, folder):
    """Run a notebook in a given empty folder, as if by a user without any settings."""
    own = {name: str(folder / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    # Nor are this suite's programs optimised.
    kept = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "XLA_FLAGS")}
    target = folder / "executed.ipynb"
    command = [sys.executable, "-c", EXECUTE, str(source), str(target)]
    done = subprocess.run(command, cwd=folder, env=kept | own, capture_output=True, text=True)
    return done, target


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS] == ["01_first_network.ipynb", "02_spiking_layer_in_your_model.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    done, target = execute(path, tmp_path)
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in nbformat.read(target, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    pictures = [output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for i, cell in enumerate(notebook.cells):
        assert cell.id == f"cell-{i:02d}"
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    assert notebook.metadata.kernelspec.name == "python3"


def test_an_error_in_a_notebook_is_seen_and_the_kernel_is_this_interpreter(tmp_path):
    broken = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import sys; raise ValueError('run by ' + sys.executable)")]
    )
    nbformat.write(broken, tmp_path / "broken.ipynb")
    done, _ = execute(tmp_path / "broken.ipynb", tmp_path)
    assert done.returncode != 0
    assert f"run by {sys.executable}" in done.stderr
