"""Machine code from LLVM's language, remembered on disk. Imports llvmlite."""

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
from llvmlite import binding


ENTRY = "neuroeqx_handler"


class Code(NamedTuple):
    address: int
    alive: Any


@functools.cache
def _machine() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    features = binding.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="small", jit=True
    )


@functools.cache
def _linker() -> Any:
    """JITLink, which keeps the parts of a program together.

    LLVM's older linker asks for room for each of them. In a process that has gigabytes of arrays they may come to lie
    further from each other than the 2 GiB that code can reach, and that linker then ends the process.
    """
    return binding.create_lljit_compiler(_machine(), use_jit_link=True)


@functools.cache
def _stamp() -> str:
    """What all code depends on besides its key: the processor, the compiler and the sources of this package."""
    package = Path(__file__).parent.parent
    sources = [p for folder in ("fuse", "ops") for p in sorted((package / folder).rglob("_*.py"))]
    content = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    processor = binding.get_host_cpu_name() + binding.get_host_cpu_features().flatten()
    return f"{llvmlite.__version__} {binding.llvm_version_info} {processor} {content}"


def _folder() -> Path:
    given = os.environ.get("NEUROEQX_CACHE_DIR")
    return Path(given) if given else Path.home() / ".cache" / "neuroeqx"


def remembered(key: str, make: Callable[[], bytes]) -> bytes:
    """What `make` returns, from the folder `NEUROEQX_CACHE_DIR` (by default `~/.cache/neuroeqx`) where it is known."""
    path = _folder() / hashlib.sha256(f"{_stamp()} {key}".encode()).hexdigest()
    with contextlib.suppress(OSError):
        return path.read_bytes()
    content = make()
    with contextlib.suppress(OSError):  # nowhere to write
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        os.replace(file.name, path)  # another process may write the same
    return content


def optimise(module: Any, entry: str, vectorise: bool = False) -> None:
    """Compiles a module for the functions that `entry` needs. Loops that are not vectors by themselves may become some."""
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == entry else "internal"
    options = binding.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = vectorise, False
    builder = binding.create_pass_builder(_machine(), options)
    builder.getModulePassManager().run(module, builder)


def parse(text: str) -> Any:
    module = binding.parse_assembly(text)
    module.triple, module.data_layout = _machine().triple, str(_machine().target_data)
    return module


def compiled(key: str, make: Callable[[], Any], vectorise: bool = False) -> Code:
    """The code of a module, which `make` makes unless it is known by its key, with the address of `ENTRY`."""

    def build() -> bytes:
        module = make()
        module = parse(module) if isinstance(module, str) else module
        optimise(module, ENTRY, vectorise)
        return _machine().emit_object(module)

    name = hashlib.sha256(key.encode()).hexdigest()
    library = binding.JITLibraryBuilder().add_object_img(remembered(key, build)).add_current_process()
    tracker = library.export_symbol(ENTRY).link(_linker(), name)
    return Code(tracker[ENTRY], tracker)
