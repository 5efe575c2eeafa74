"""The structure that `docs/design.md` promises, checked on the source."""

import ast
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import equinox as eqx
import neuroeqx as nex
import pytest


ROOT = Path(nex.__file__).parent
FILES = sorted(p for p in ROOT.rglob("*.py"))

# Files over 400 lines and functions over 60 need a reason, given here.
LONG_FILES: dict[str, str] = {"_interfaces.py": "the whole contract is one page"}
LONG_FUNCTIONS: dict[str, str] = {
    "_simulate.py:simulate": "its docstring is the reference of the package's main function; the code is 25 lines",
}

LAYERS = [
    {
        "_abstract", "_checkpointed", "_checks", "_correlation", "_types", "_fields", "_math", "_trainable", "_voltage",
        "_current", "_replace_gradient",
    },
    {"ops"},
    {"fuse"},
    {"_interfaces", "_wrappers", "_adaptive", "_located", "_one_step", "_replayed", "steppers", "surrogate"},
    {"neurons", "synapses", "channels", "cable", "rates", "connect", "plasticity", "sources"},
    {"network"},
    {"_record", "_loop", "_simulate", "_explain", "_solve", "_delayed", "_noise_terms"},
    {
        "learn", "layers", "analysis", "measure", "nest", "encode", "io", "tasks", "plot", "demos", "testing", "train", "_cli",
        "__main__",
    },
]  # fmt: skip
# `_interfaces` is the page everything else stands on; steppers and surrogates import it, not the other way round.
SIBLINGS_MAY = {("_adaptive", "_interfaces"), ("_adaptive", "_located"), ("_adaptive", "_one_step"), ("_adaptive", "_wrappers"),
                ("_located", "_one_step"), ("_located", "_replayed"), ("_one_step", "_interfaces"), ("_replayed", "_one_step"),
                ("cable", "channels"), ("steppers", "_interfaces"), ("surrogate", "_interfaces"),
                ("_wrappers", "_interfaces"),
                ("_loop", "_record"), ("_simulate", "_record"), ("_simulate", "_loop"), ("_explain", "_loop"),
                ("_explain", "_record"), ("__main__", "_cli"), ("_cli", "demos"), ("_cli", "train"),
                ("demos", "measure"), ("demos", "plot"), ("plot", "analysis"), ("tasks", "encode"), ("train", "demos"),
                ("train", "io"),
                ("train", "learn"), ("train", "layers"), ("train", "tasks"), ("train", "encode")}  # fmt: skip


def level_of(part):
    for level, names in enumerate(LAYERS):
        if part in names:
            return level
    raise AssertionError(f"{part} has no place in the layers of docs/design.md: give it one there and here")


def imports_of(path):
    """The top-level parts of the package that a file imports, at module level or inside functions."""
    package = ["neuroeqx", *path.relative_to(ROOT).with_suffix("").parts][:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = [*base, *(node.module.split(".") if node.module else [])]
            if len(module) > 1:
                yield module[1]
            else:
                yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "neuroeqx":
            yield (node.module.split(".") + [node.names[0].name])[1]


@pytest.mark.parametrize(
    "path", [p for p in FILES if p != ROOT / "__init__.py"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_go_down_the_layers(path):
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    for other in imports_of(path):
        if other in (here, "__version__"):
            continue
        down = level_of(other) < level_of(here)
        within_base = level_of(here) == level_of(other) == 0
        assert down or within_base or (here, other) in SIBLINGS_MAY, f"{path.name} imports {other}"


def length(node):
    """Lines of a function without its docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    name = str(path.relative_to(ROOT))
    source = path.read_text()
    assert len(source.splitlines()) <= 400 or name in LONG_FILES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert length(node) <= 60 or f"{name}:{node.name}" in LONG_FUNCTIONS, f"{node.name}: {length(node)} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_private_and_say_what_they_hold(path):
    # python -m neuroeqx.testing.ledger
    command = path.relative_to(ROOT).as_posix() in {"testing/ledger.py", "testing/models.py"}
    assert path.name.startswith("_") or command, "files are private, folders public"
    assert ast.get_docstring(ast.parse(path.read_text())), "the first line says what the file holds"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_super_and_no_hasattr(path):
    calls = [n.func.id for n in ast.walk(ast.parse(path.read_text()))
             if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]  # fmt: skip
    assert not {"super", "hasattr"} & set(calls)


def modules_of_the_package():
    def below(cls):
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    return {c for c in below(eqx.Module) if c.__module__.startswith("neuroeqx")}


def test_every_class_is_abstract_or_final():
    classes = modules_of_the_package()
    assert len(classes) > 20
    for cls in classes:
        for base in cls.__mro__[1:]:
            if base.__module__.startswith("neuroeqx"):
                assert base.__name__.startswith("Abstract"), f"{cls.__name__} derives from the final {base.__name__}"
        if cls.__name__.startswith("Abstract"):
            fields = getattr(cls, "__abstractvars__", ())  # Equinox makes no instance of such a class either
            assert inspect.isabstract(cls) or fields, f"{cls.__name__} is called abstract and is not"


def test_implemented_methods_are_never_overridden():
    for cls in modules_of_the_package():
        own = {name for name, x in vars(cls).items() if inspect.isfunction(x) and not name.startswith("__")}
        for base in cls.__mro__[1:]:
            if base.__module__.startswith("neuroeqx"):
                concrete = {
                    name for name, x in vars(base).items()
                    if inspect.isfunction(x) and not getattr(x, "__isabstractmethod__", False)
                }  # fmt: skip
                assert not own & concrete, f"{cls.__name__} overrides {own & concrete} of {base.__name__}"


def test_public_names_are_documented():
    for name, x in vars(nex).items():
        if not name.startswith("_") and (inspect.isclass(x) or inspect.isfunction(x)):
            assert x.__doc__, f"{name} has no docstring"


def test_importing_leaves_jax_and_the_heavy_parts_alone():
    code = """
import sys, os
before = dict(os.environ)
import jax, equinox, diffrax
settings = dict(jax.config.values)
import neuroeqx
assert dict(jax.config.values) == settings, "the import changed the configuration of JAX"
assert dict(os.environ) == before
heavy = {"llvmlite", "triton", "jax_triton", "matplotlib", "optax", "sklearn", "scipy.stats"} & set(sys.modules)
print(sorted(heavy - {"scipy.stats"}))
from jax._src import xla_bridge
assert not xla_bridge._backends, "the import started a backend"
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert out.stdout.strip() == "[]"


def test_all_packages_but_the_compiler_have_their_types_checked():
    options = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"][
        "addopts"
    ]
    *checked, _ = options.removeprefix("--jaxtyping-packages=").split(",")
    assert set(checked) == {f"neuroeqx.{m.name}" for m in pkgutil.iter_modules([ROOT])} - {"neuroeqx.fuse"}
