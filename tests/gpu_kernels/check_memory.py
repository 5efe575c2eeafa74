"""The checks of memory themselves: the faults that they are there for must be found."""

import faults
import interpreter
import numpy as np
import pytest
from runner import watched as watched


N = 40
SHARED = np.arange(N, dtype=np.int32) % 16  # targets that programs share, and lanes do not
FAULTS = {
    "no_mask": ((np.ones(N, np.float32), N), N, IndexError, "load of program 2 outside"),
    "no_atomics": ((SHARED, N), N, RuntimeError, "race: load of program 1, store of another"),
    "read_while_added_to": ((SHARED, N), N, RuntimeError, "race: load of program 1, atomic of another"),
    "two_lanes_store": ((np.ones(N, np.float32), 16), N, RuntimeError, "race: two lanes of program 0"),
    "no_guard": ((np.full(16, N, np.int32), 16), N, IndexError, "atomic of program 0 outside"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_found(name, watched):
    operands, size, error, match = FAULTS[name]
    copies = [operand.copy() if isinstance(operand, np.ndarray) else operand for operand in operands]
    with pytest.raises(Exception, match=match) as caught:
        interpreter.interpret(getattr(faults, name), (3, 1, 1), *copies, np.zeros(size, np.float32), BLOCK=16)
    assert isinstance(caught.value, error) or error.__name__ in str(caught.value)


def test_results_of_a_race_are_right_without_the_check(monkeypatch):
    """Which is why there is one: the interpreter runs programs one after the other."""
    monkeypatch.setattr(interpreter, "watch", None)
    out = np.zeros(N, np.float32)
    interpreter.interpret(faults.no_atomics, (N, 1, 1), np.arange(N, dtype=np.int32), N, out, BLOCK=1)
    np.testing.assert_array_equal(out, np.eye(N).sum(0))
