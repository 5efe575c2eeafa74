"""Compiles Triton kernels for GPUs that are not there, and looks at what came out.

`record` gives the primitive of jax-triton a lowering for CPU that notes the launch and returns zeros, so that the kernels
are compiled with the types and constants that production code launches them with.
"""

import dataclasses
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import triton
from jax.interpreters import mlir
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
ABOUT_LAUNCHING = {
    "fn", "scalar_args", "out_shapes", "grid", "zeroed_outputs", "input_output_aliases", "name",
    "custom_call_target_name", "num_warps", "num_stages", "num_ctas", "compute_capability", "enable_fp_fusion", "debug",
    "serialized_metadata",
}  # fmt: skip


@dataclasses.dataclass
class Launch:
    """A kernel with the types of its parameters and its constants."""

    kernel: Any
    signature: dict[str, str]
    constants: dict[str, Any]
    warps: int

    @property
    def name(self):
        return self.kernel.fn.__name__

    def compile(self, target: str):
        arrays = [(i,) for i, name in enumerate(self.kernel.arg_names) if self.signature[name].startswith("*")]
        attributes = {place: [["tt.divisibility", 16]] for place in arrays}
        source = ASTSource(fn=self.kernel, signature=self.signature, constexprs=self.constants, attrs=attributes)
        gpu = GPUTarget("hip", target, 64) if target.startswith("gfx") else GPUTarget("cuda", int(target), 32)
        options = {"num_warps": self.warps, "enable_fp_fusion": False}
        with tempfile.TemporaryDirectory() as folder:  # jax-triton has set this to no folder at all
            os.environ["TRITON_CACHE_DIR"] = folder
            return triton.compile(source, target=gpu, options=options)


def record() -> list[Launch]:
    """The list to which launches are added from here on, when a function is compiled for CPU."""
    import jax_triton.triton_lib as library

    launches: list[Launch] = []

    def call(*arrays, **params):
        types = [library.get_triton_type(aval) for aval in map(_aval, arrays)]
        constants = {name: value for name, value in params.items() if name not in ABOUT_LAUNCHING}
        kernel = params["fn"]
        for place, kind, value in params["scalar_args"]:
            types.insert(place, kind)
            if value == 1:
                constants[kernel.arg_names[place]] = 1  # as jax-triton does
        types += [library.get_triton_type(_aval(shape)) for shape in params["out_shapes"]]
        signature = dict(zip(kernel.arg_names, types, strict=False))
        signature |= dict.fromkeys(constants, "constexpr")
        launches.append(Launch(kernel, signature, constants, params["num_warps"]))
        assert not params["enable_fp_fusion"]
        return [jnp.zeros(shape.shape, shape.dtype) for shape in params["out_shapes"]]

    mlir.register_lowering(library.triton_kernel_call_p, mlir.lower_fun(call, multiple_results=True), platform="cpu")
    return launches


def _aval(array):
    from jax.core import ShapedArray

    return ShapedArray(array.shape, array.dtype)


def resources(compiled, target: str, folder: Path) -> dict[str, int]:
    """Registers and bytes of spills per thread, from the machine code."""
    if target.startswith("gfx"):
        text = compiled.asm["amdgcn"]

        def number(key):
            return int(re.search(rf"\.{key}:?\s+(\d+)", text)[1])

        spills = number("vgpr_spill_count") + number("sgpr_spill_count") + number("private_segment_fixed_size")
        return {"registers": number("vgpr_count"), "spills": spills}
    path = folder / "kernel.cubin"
    path.write_bytes(compiled.asm["cubin"])
    command = [str(TOOLS / "cuobjdump"), "--dump-resource-usage", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", text)
    return {"registers": int(found[1]), "spills": int(found[2]) + int(found[3])}


def assemble(ptx: str, tool: str, folder: Path) -> subprocess.CompletedProcess:
    """Hands PTX to `ptxas` (of CUDA 12.9) or `ptxas-blackwell` (of CUDA 13) from the wheel of Triton."""
    path = folder / "kernel.ptx"
    path.write_text(ptx)
    target = re.search(r"\.target (\w+)", ptx)[1]
    command = [str(TOOLS / tool), f"-arch={target}", str(path), "-o", str(folder / "kernel.cubin")]
    return subprocess.run(command, capture_output=True, text=True, check=False)
