"""Kernels: functions of Python that are translated to LLVM's language, and programs of them."""

import ast
import builtins
import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from ._types import in_memory, KernelError, Static, Value


class Kernel:
    """A function in the language of kernels (see `neuroeqx.ops.language`).

    **Arguments:**

    - `function`: what it is.
    - `flags`: how freely its operations on real numbers may be rearranged, as LLVM calls it.
    - `inline`: whether it is written into who calls it.
    """

    def __init__(self, function: Callable, flags: tuple[str, ...] = (), inline: bool = True):
        # A run-time type checker may have wrapped the function before a decorator sees it.
        self.function: Any = inspect.unwrap(function)
        self.name = self.function.__name__
        self.flags, self.inline = flags, inline

    @functools.cached_property
    def tree(self) -> ast.FunctionDef:
        lines, first = inspect.getsourcelines(self.function)
        [tree] = ast.parse(textwrap.dedent("".join(lines))).body
        ast.increment_lineno(tree, first - 1)
        if not isinstance(tree, ast.FunctionDef):
            raise KernelError(f"{self.name} is no function with a name")
        return tree

    def look_up(self, name: str) -> Any:
        """What a name stands for that is no variable."""
        function = self.function
        if name in function.__code__.co_freevars:
            return function.__closure__[function.__code__.co_freevars.index(name)].cell_contents
        if name in function.__globals__:
            return function.__globals__[name]
        return getattr(builtins, name)


class Intrinsic:
    """A function `(writer, *values) -> value` that writes an operation in LLVM's language itself."""

    def __init__(self, function: Callable[..., Value]):
        self.function = inspect.unwrap(function)


def kernel(function: Callable) -> Any:
    """A kernel that keeps to the order of its sums; NaN and infinities are kept."""
    return Kernel(function)


def reordering_kernel(function: Callable) -> Any:
    """As `kernel`, and sums may be reordered so that they vectorise. NaN and infinities are still kept."""
    return Kernel(function, ("reassoc", "contract", "nsz"))


def outlined(function: Callable) -> Any:
    """As `kernel`, for what is long and used in several places: not written into who calls it."""
    return Kernel(function, inline=False)


def intrinsic(function: Callable) -> Any:
    return Intrinsic(function)


class Instance(NamedTuple):
    """A kernel for arguments of some types."""

    function: Any
    result: Any


class Program:
    """A module in LLVM's language, with what kernels it has for which types."""

    def __init__(self) -> None:
        self.module = ir.Module()
        self.instances: dict[Any, Instance] = {}

    def instance(self, own: Kernel, types: tuple[Any, ...]) -> Instance:
        key = own.function, own.flags, types
        if key not in self.instances:
            from ._translate import translate

            self.instances[key] = translate(self, own, types)
        return self.instances[key]

    def call(self, builder: Any, own: Kernel, values: list[Value]) -> Value:
        values = [in_memory(value) for value in values]
        made = self.instance(own, tuple(value.type for value in values))
        result = builder.call(made.function, [part for value in values for part in value.parts])
        kinds = made.result.parts
        if len(kinds) < 2:
            return Value(made.result, (result,)[: len(kinds)])
        return Value(made.result, tuple(builder.extract_value(result, i) for i in range(len(kinds))))

    def export(self, name: str, own: Kernel, words: int, constants: tuple[Any, ...] = ()) -> None:
        """A function of this name from some 64-bit words to one: that of the kernel for those and for constants."""
        from ._arithmetic import word
        from ._types import INT64

        kind = ir.IntType(64)
        function = ir.Function(self.module, ir.FunctionType(kind, [kind] * words), name)
        builder = ir.IRBuilder(function.append_basic_block())
        values = [Value(INT64, (argument,)) for argument in function.args]
        result = self.call(builder, own, [*values, *(Value(Static(one), ()) for one in constants)])
        builder.ret(kind(0) if result.type == Static(None) else word(builder, result))
