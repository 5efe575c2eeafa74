"""A training that is killed goes on from its checkpoint, bit for bit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import plastic_training


def command(folder, die_at):
    script = Path(__file__).parent / "plastic_training.py"
    return subprocess.run([sys.executable, script, folder, str(die_at)], capture_output=True, text=True, env=os.environ)


def test_a_killed_training_goes_on_bit_for_bit(tmp_path):
    """STDP, a delay for every synapse, noise: killed in the third epoch, in a step that is no checkpoint's."""
    whole = plastic_training.train()
    # One batch is asked for to check shapes, then those of the steps.
    killed = command(tmp_path, 1 + 13)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == "" and (tmp_path / "checkpoint.nex").exists()
    resumed = command(tmp_path, 10**9)
    assert resumed.returncode == 0, resumed.stderr
    found = json.loads(resumed.stdout)
    assert set(found) == {"loss", "spikes", "weights"}
    for name, x in whole.steps.items():
        assert x.shape == (15,) and len(set(x.tolist())) > 5
        np.testing.assert_array_equal(x.view(np.uint32), found[name], err_msg=name)
