"""Runs Triton kernels in Triton's interpreter, on NumPy arrays, with neither PyTorch nor a GPU.

`TRITON_INTERPRET=1` must be set before Triton is imported: its own functions are decorated then. `install` gives the
primitive of jax-triton a lowering for CPU that goes through the interpreter, so that launches are tested as production
code issues them: grids, scalars, what is in place, what is zeroed. Results that are neither begin as NaN, or as a number
that no result may hold.
"""

import contextlib
import os
import threading

import jax
import numpy as np
from jax.interpreters import mlir


assert os.environ.get("TRITON_INTERPRET") == "1", "set TRITON_INTERPRET=1 before Triton is imported"

POISON = -123456
launches: list[str] = []  # names of the kernels that have run
_one_at_a_time = threading.Lock()  # XLA calls independent functions of one program in several threads
watch = None  # a context manager made from all arrays of a launch, such as `memcheck.Memcheck`


class Argument:
    """What the interpreter wants of a tensor of PyTorch, over the memory of a NumPy array."""

    def __init__(self, array):
        assert array.flags.c_contiguous and array.flags.writeable
        self.array, self.dtype, self.shape = array, array.dtype, array.shape

    def data_ptr(self):
        return self.array.ctypes.data

    def untyped_storage(self):
        return Storage(self.array)

    def new_empty(self, *_, **__):
        return Argument(self.array)

    def set_(self, *_):
        pass

    def storage_offset(self):
        return 0

    def size(self):
        return self.array.shape

    def stride(self):
        return tuple(step // self.array.itemsize for step in self.array.strides)


class Storage:
    def __init__(self, array):
        self.array = array

    def data_ptr(self):
        return self.array.ctypes.data

    def cpu(self):
        return self

    def copy_(self, other):
        assert other.array is self.array


def interpret(kernel, grid, *operands, **constants):
    """Runs a kernel. Arrays are changed in place."""
    arrays = [operand for operand in operands if isinstance(operand, np.ndarray)]
    wrapped = [Argument(operand) if isinstance(operand, np.ndarray) else operand for operand in operands]
    with _one_at_a_time, contextlib.nullcontext() if watch is None else watch(*arrays):
        launches.append(kernel.fn.__name__)
        kernel[grid](*wrapped, **constants)


def fresh(shape):
    is_real = np.issubdtype(shape.dtype, np.floating)
    return np.full(shape.shape, np.nan if is_real else np.array(POISON).astype(shape.dtype), shape.dtype)


def run(launch, *arrays):
    """One call of the primitive of jax-triton, with its parameters."""
    outputs = [fresh(shape) for shape in launch["out_shapes"]]
    operands = [np.array(array) for array in arrays]
    # Kernels get two pointers to one memory. The places of these operands count arrays only.
    for place, output in launch["input_output_aliases"]:
        outputs[output][...] = operands[place]
        operands[place] = outputs[output]
    for place, _, value in launch["scalar_args"]:
        operands.insert(place, value)
    for output in launch["zeroed_outputs"]:
        outputs[output][...] = 0
    grid = (*launch["grid"], 1, 1)[:3]
    interpret(launch["fn"], grid, *operands, *outputs, **launch["constants"])
    return outputs


_HANDLED = {"fn", "scalar_args", "out_shapes", "grid", "zeroed_outputs", "input_output_aliases"}
_ABOUT_COMPILATION = {
    "name", "custom_call_target_name", "num_warps", "num_stages", "num_ctas", "compute_capability",
    "enable_fp_fusion", "debug", "serialized_metadata",
}  # fmt: skip


def install():
    """From here on `jax_triton.triton_call` runs on CPU, interpreted."""
    import jax_triton.triton_lib as library

    def call(*arrays, **params):
        launch = {name: params[name] for name in _HANDLED}
        launch["constants"] = {
            name: value for name, value in params.items() if name not in _HANDLED | _ABOUT_COMPILATION
        }
        return jax.pure_callback(lambda *a: run(launch, *a), list(params["out_shapes"]), *arrays)

    mlir.register_lowering(library.triton_kernel_call_p, mlir.lower_fun(call, multiple_results=True), platform="cpu")


def use_kernels_on_cpu(*primitives):
    """Lowers primitives of ours for CPU as for CUDA."""
    from jax._src.interpreters.mlir import _platform_specific_lowerings as rules

    for primitive in primitives:
        rules["cpu"][primitive] = rules["cuda"][primitive]
