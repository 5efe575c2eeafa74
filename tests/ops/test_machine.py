"""Programs are linked wherever there is room for them."""

import subprocess
import sys

import pytest


# A program of more than 64 kB, whose constants would fit into a hole of two pages. All larger holes are filled, and below
# that with the small ones 3 GiB are taken, so that room for both parts together is only further down.
LINK = """
import ctypes, mmap
from neuroeqx.ops import _machine

stores = "\\n".join(f"store volatile double {k}.0, ptr %place" for k in range(12000))
MODULE = f'''
@table = internal constant [4 x double] [double 1.0, double 2.0, double 3.0, double 4.0]
define double @neuroeqx_handler(i64 %k) {{
  %place = alloca double
  {stores}
  %where = getelementptr [4 x double], ptr @table, i64 0, i64 %k
  %value = load double, ptr %where
  ret double %value
}}
'''
word, size = ctypes.c_void_p, ctypes.c_size_t
library = ctypes.CDLL(None)
library.mmap.restype, library.mmap.argtypes = word, [word, size, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
library.munmap.argtypes = [word, size]
NORESERVE = 0x4000
take = lambda bytes: library.mmap(None, bytes, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE, -1, 0)

_machine.compiled("first", lambda: MODULE)
known = _machine.remembered("first", lambda: b"")
_machine.remembered("second", lambda: known)
block = take(2**20)
while take(2**16) > block:
    pass
below = take(3 * 2**30)
while take(2**16) > below:
    pass
assert block - below > 2**31
for k in range(0, 200, 8):
    library.munmap(block + 4096 * k, 2 * 4096)
code = _machine.compiled("second", lambda: MODULE)
function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(code.address)
assert [function(k) for k in range(4)] == [1.0, 2.0, 3.0, 4.0]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where memory is taken from is known of Linux")
def test_parts_of_a_program_are_in_reach_of_each_other(tmp_path, monkeypatch):
    """In a process that has gigabytes of other memory, too."""
    monkeypatch.setenv("NEUROEQX_CACHE_DIR", str(tmp_path))
    run = subprocess.run([sys.executable, "-c", LINK], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
