"""The one adapter to jax-triton (0.3): everything of ours that calls a Triton kernel calls `launch`.

Nothing here is imported from `triton` or `jax_triton` until a product is lowered for a GPU.

Two environment variables are read when a program is lowered (what is in JAX's caches by then stays as it is):

- `NEUROEQX_CUDA_ARCH`: the compute capability to lower for, such as `90`, on a machine that has no GPU to ask.
- `NEUROEQX_DETERMINISTIC`: with `1`, sums with atomic additions are made in fixed point, so that they do not depend on
    the order in which programs run.
"""

import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np


PTXAS = "TRITON_PTXAS_BLACKWELL_PATH"
_MAX_PROGRAMS = 2**31 - 1


def kernels(name: str) -> ModuleType:
    """The module of kernels `name` (relative to `neuroeqx.ops`), which imports Triton."""
    require()
    return importlib.import_module(name, __package__)


def require() -> ModuleType:
    """jax-triton, or an error that says how to get it or do without."""
    pin_ptx_version()
    try:
        jax_triton = importlib.import_module("jax_triton")
    except ImportError as error:
        raise ImportError(
            "lowering a product of spikes for a GPU needs jax-triton 0.3, triton and JAX's plugin for the GPU: install "
            "neuroeqx[cuda], or use backend='reference' for pure JAX"
        ) from error
    if not jax_triton.__version__.startswith("0.3."):
        raise ImportError(f"jax-triton is {jax_triton.__version__}, expected 0.3: the calls of 0.4 differ")
    return jax_triton


def pin_ptx_version() -> None:
    """Lets Triton write PTX of the version that the assembler of CUDA 12.9 knows.

    XLA assembles the kernels with the assembler of the user's CUDA. Triton writes the newest version of PTX that its own
    one for compute capability 9.0 and later knows, which older ones refuse ("Unsupported .version"). Its other one, for
    earlier GPUs, is of CUDA 12.9 and knows the later GPUs as well. A path that the user has set is left alone.
    """
    triton = importlib.util.find_spec("triton")
    if triton is None or triton.origin is None:
        return
    ptxas = Path(triton.origin).parent / "backends" / "nvidia" / "bin" / "ptxas"
    if ptxas.exists():
        os.environ.setdefault(PTXAS, str(ptxas))


def cuda_arch() -> int | None:
    """The compute capability to lower for, or `None` for that of the first GPU."""
    text = os.environ.get("NEUROEQX_CUDA_ARCH", "")
    if not text:
        return None
    digits = text.removeprefix("sm_").removesuffix("a").replace(".", "")
    if not digits.isdecimal():
        raise ValueError(f"NEUROEQX_CUDA_ARCH is {text!r}, expected a compute capability such as '90' or '9.0'")
    return int(digits)


def deterministic() -> bool:
    """Whether sums must not depend on the order of the programs."""
    text = os.environ.get("NEUROEQX_DETERMINISTIC", "0")
    if text not in ("0", "1", ""):
        raise ValueError(f"NEUROEQX_DETERMINISTIC is {text!r}, expected '0' or '1'")
    return text == "1"


def launch(
    kernel: Any,
    *operands: Any,
    outputs: Sequence[jax.ShapeDtypeStruct],
    programs: int,
    in_place: Mapping[int, int] | None = None,
    zeroed: Sequence[int] = (),
    warps: int = 4,
    **constants: Any,
) -> list[jax.Array]:
    """Calls a kernel. Its parameters are the operands in their order, the outputs, and the constants by name.

    **Arguments:**

    - `kernel`: a `triton.jit` function.
    - `operands`: arrays, and numbers, which are compiled in if they are 1. A Python float is float32 for the kernel.
    - `outputs`: their shapes and dtypes. Those that are neither in place nor zeroed begin with anything.
    - `programs`: how many run. With none there is no call, and outputs that are in place or zeroed are what they were.
    - `in_place`: from the places of operands to those of the outputs that take their memory and values.
    - `zeroed`: places of outputs that begin with zeros.
    - `warps`: of each program.
    - `constants`: known when the kernel is compiled.

    **Returns:**

    The outputs.
    """
    if programs < 1 or programs > _MAX_PROGRAMS:
        raise ValueError(f"{kernel} was to run {programs} programs, expected 1 to {_MAX_PROGRAMS}")
    numbers = [np.float32(operand) if isinstance(operand, float) else operand for operand in operands]
    return require().triton_call(
        *numbers,
        kernel=kernel,
        out_shape=list(outputs),
        grid=(programs,),
        input_output_aliases=dict(in_place or {}),
        zeroed_outputs=tuple(zeroed),
        num_warps=warps,
        compute_capability=cuda_arch(),
        enable_fp_fusion=False,  # a weight that is drawn again must be the same bits as on CPU
        **constants,
    )


def like(array: Any) -> jax.ShapeDtypeStruct:
    """The shape and dtype of an array."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def power_of_two(value: int, least: int, most: int) -> int:
    """The smallest power of two not below `value`, within bounds that are powers of two."""
    return min(max(1 << max(value - 1, 0).bit_length(), least), most)
