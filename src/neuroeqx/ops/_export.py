"""Programs with products of this package as artefacts of `jax.export`."""

import importlib
import itertools
import re

import numpy as np
from jax import export


_REALS = ("float32", "float64")
# For every kernel the module of its factory and the dtypes that its targets are named after, in their order.
_ROWS = (_REALS, (*_REALS, "uint16"), ("uint32", "uint64", "none"), ("uint32", "none"), ("uint32", "none"))
_KERNELS = {
    **{
        f"rows_{name}{batch}": ("._row_handlers", name + batch, _ROWS)
        for name in ("add_matvec", "rmatvec", "outer")
        for batch in ("", "_batch")
    },
    "rows_add_outer": (
        "._row_handlers",
        "add_outer",
        (_REALS, ("uint32", "uint64", "none"), ("uint32", "none"), ("uint32", "uint64", "none")),
    ),
    "change_put": (".change._kernels", "put", (_REALS,)),
    "dense_add_matvec": (".dense._kernels", "add_matvec", (_REALS,)),
    **{f"latency_{name}": (".latency._kernels", name, (_REALS,)) for name in ("add_rows", "outer")},
    "latency_sort": (".latency._kernels", "sort", ()),
    "events_append": (".events._kernels", "append", (_REALS,)),
    "events_compact": (".events._kernels", "compact", (_REALS,)),
    "tree_solve": (".tree._kernels", "solve", (_REALS,)),
    **{f"procedural_{name}": (".procedural._kernels", name, (_REALS,)) for name in ("add_matvec", "rmatvec", "outer")},
}


def _targets() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The names of all targets for CPU, with the kernel and the dtypes that make each."""
    return {
        "_".join(["neuroeqx", kernel, *dtypes]): (kernel, dtypes)
        for kernel, (_, _, options) in _KERNELS.items()
        for dtypes in itertools.product(*options)
    }


def export_checks() -> list[export.DisabledSafetyCheck]:
    """For the `disabled_checks` of `jax.export.export`: the custom calls of this package, on all platforms.

    JAX exports custom calls only where it is told to, since it cannot promise that they will still exist when the artefact
    is loaded. Those of this package exist where the same version of it is installed; before an artefact for CPU is called
    in a new process, `register_exported` makes them known there.
    """
    return [export.DisabledSafetyCheck.custom_call(name) for name in (*_targets(), "triton_kernel_call")]


def register_exported(exported: export.Exported) -> export.Exported:
    """Compiles and registers the native code for CPU that an exported program calls. Returns the program.

    ```python
    program = nex.ops.register_exported(jax.export.deserialize(blob))
    ```
    """
    from . import _ffi

    known = _targets()
    for name in sorted(set(re.findall(r"\bneuroeqx_\w+", exported.mlir_module()))):
        if name not in known:
            continue  # a name in the locations of the program, or of a function
        kernel, dtypes = known[name]
        module, factory, _ = _KERNELS[kernel]
        types = [None if dtype == "none" else np.dtype(dtype).type for dtype in dtypes]
        _ffi.target(kernel, getattr(importlib.import_module(module, __package__), factory), *types)
    return exported
