"""The Python of the README runs as it stands."""

import re
from pathlib import Path

import jax
import matplotlib
import pytest


TEXT = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_it_runs(block, capsys):
    matplotlib.use("Agg")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        names = {}
        exec(compile(block, "README.md", "exec"), names)
    if "sol" in names:
        assert 15.0 < names["sol"].records["E"].rate < 25.0
        assert names["sol"].records["v"].values.shape == (10_000, 2)
    if "gradient" in names:
        assert abs(names["gradient"].weights.weight).max() > 0.0


def test_there_is_something_to_run():
    assert len(BLOCKS) == 2
