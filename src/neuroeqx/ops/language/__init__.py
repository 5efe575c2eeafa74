"""The language of kernels: a part of Python that is translated to LLVM's language, in some hundredths of a second.

A kernel is a function with the decorator `kernel`. What it may say:

- Assignments (of tuples too), `if`, `while`, `for` over a `range`, `break`, `continue`, `return`, conditional expressions,
  calls of other kernels.
- Numbers of NumPy's types; `x[i]`, `x[a:b]` (a view), `x[a:b] = 0`, `x.shape[0]`, `x.dtype.type`, `x.itemsize`,
  `x.view(dtype)` of arrays, of which there is one kind, that of one dimension; tuples, whose places are known.
- What is known when it is compiled: names from outside, dtypes, `None`. A branch on it (`x is None`, `is_array(x)`) is written
  only where it is taken, so one kernel serves arguments that are there or not.
- Intrinsics, which write LLVM's language themselves.

Whole numbers are computed in 64 bits, unsigned if all of them are, and `uint64` does not meet `int64` unless converted. Real
numbers are as in NumPy: float32 and a whole number give float64. A variable holds what it is given anywhere in its kernel:
two whole numbers, or two real ones, are the wider one; that of a loop is gone after it. Indices are not negative, sections lie
within their arrays, and nothing is checked.
"""

from ._arithmetic import cast as cast, word as word
from ._intrinsics import array_at as array_at, is_array as is_array, stack_array as stack_array
from ._kernel import (
    intrinsic as intrinsic,
    Kernel as Kernel,
    kernel as kernel,
    outlined as outlined,
    Program as Program,
    reordering_kernel as reordering_kernel,
)
from ._types import (
    Array as Array,
    BOOL as BOOL,
    INT64 as INT64,
    KernelError as KernelError,
    Lanes as Lanes,
    Scalar as Scalar,
    scalar_type as scalar_type,
    Static as Static,
    static as static,
    UINT64 as UINT64,
    Value as Value,
)
