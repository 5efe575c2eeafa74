"""From the syntax tree of a kernel to LLVM's language.

Variables are kept on the stack, from where LLVM takes them into registers. Their types are found by writing a kernel again
until no variable has been given a value that its type does not hold.
"""

import ast
from typing import Any

from llvmlite import ir

from ._arithmetic import common, compare
from ._expressions import Expressions, Variables
from ._kernel import Instance, Kernel, Program
from ._types import in_memory, INT64, KernelError, members, merged, static, Tuple, Type, UINT64, Value
from ._writer import Writer


def translate(program: Program, own: Kernel, types: tuple[Type, ...]) -> Instance:
    """A kernel for arguments of these types."""
    names = [argument.arg for argument in own.tree.args.args]
    if len(names) != len(types):
        raise KernelError(f"{own.name} takes {len(names)} arguments, not {len(types)}")
    known: dict[str, Type] = dict(zip(names, types, strict=True))
    result = None
    while True:
        function = _declare(program, own, types, result)
        writer = Translator(program, own, function, dict(known), result)
        writer.run(names, types)
        found = writer.variables.types
        if found == known and writer.result == result:
            return Instance(function, result)
        known, result = found, writer.result
        del program.module.globals[function.name]


def _declare(program: Program, own: Kernel, types: tuple[Type, ...], result: Type | None) -> Any:
    parts = () if result is None else result.parts
    kind = ir.VoidType() if not parts else parts[0] if len(parts) == 1 else ir.LiteralStructType(parts)
    name = program.module.get_unique_name(f"neuroeqx_kernel_{own.name}")
    function = ir.Function(program.module, ir.FunctionType(kind, [part for t in types for part in t.parts]), name)
    function.linkage = "internal"
    function.attributes.add("alwaysinline" if own.inline else "noinline")
    return function


class Translator:
    """Writes the body of one function, given what is known of the types of its variables and of its result so far."""

    def __init__(self, program: Program, own: Kernel, function: Any, types: dict[str, Type], result: Type | None):
        self.own, self.function = own, function
        self.result = self.declared = result
        self.builder: Any = ir.IRBuilder(function.append_basic_block("variables"))
        self.writer = Writer(program, self.builder)
        self.variables = Variables(self.writer, types)
        self.expressions = Expressions(own, self.writer, self.variables)
        self.loops: list[tuple[Any, Any]] = []  # where `continue` and `break` go
        self.result_slots = [] if result is None else self.writer.slots(result)

    def run(self, names: list[str], types: tuple[Type, ...]) -> None:
        builder, parts = self.builder, list(self.function.args)
        begin, self.end = builder.append_basic_block("begin"), builder.append_basic_block("end")
        entry = builder.block
        builder.position_at_end(begin)
        for name, kind in zip(names, types, strict=True):
            self.variables.write(name, Value(kind, tuple(parts.pop(0) for _ in kind.parts)))
        self.body(self.own.tree.body)
        if not builder.block.is_terminated:
            self._return(static(None))
        builder.position_at_end(self.end)
        self._answer()
        builder.position_at_end(entry)
        builder.branch(begin)

    def _answer(self) -> None:
        values = [self.builder.load(slot) for slot in self.result_slots]
        if self.result != self.declared:
            self.builder.unreachable()  # to be written again
        elif not values:
            self.builder.ret_void()
        elif len(values) == 1:
            self.builder.ret(values[0])
        else:
            whole = ir.Constant(self.function.function_type.return_type, ir.Undefined)
            for i, value in enumerate(values):
                whole = self.builder.insert_value(whole, value, i)
            self.builder.ret(whole)

    def _return(self, value: Value) -> None:
        value = in_memory(value)
        kind = value.type if self.result is None else merged(self.result, value.type)
        if kind != self.result:
            self.result, self.result_slots = kind, self.writer.slots(kind)
        self.writer.keep(self.result_slots, kind, value)
        self.builder.branch(self.end)

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self.builder.block.is_terminated:
                return  # what follows a branch that is always taken
            try:
                getattr(self, f"_{type(statement).__name__}", self._unknown)(statement)
            except KernelError as error:
                if error.args[0].startswith("kernel "):
                    raise
                raise KernelError(f"kernel {self.own.name}, line {statement.lineno}: {error}") from error

    def _unknown(self, node: ast.stmt) -> None:
        raise KernelError(f"no {type(node).__name__} in kernels")

    def _Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.expressions.value(node.value)

    def _Return(self, node: ast.Return) -> None:
        self._return(static(None) if node.value is None else self.expressions.value(node.value))

    def _Assign(self, node: ast.Assign) -> None:
        value = self.expressions.value(node.value)
        for target in node.targets:
            self._write(target, value)

    def _write(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.variables.write(target.id, value)
        elif isinstance(target, ast.Tuple):
            if not isinstance(value.type, Tuple) or len(value.type.of) != len(target.elts):
                raise KernelError(f"{value.type} is not {len(target.elts)} values")
            for own, one in zip(target.elts, members(value), strict=True):
                self._write(own, one)
        elif isinstance(target, ast.Subscript):
            array = self.expressions.array(self.expressions.value(target.value))
            if isinstance(target.slice, ast.Slice):
                self.writer.fill(self.expressions.section(array, target.slice), value)
            else:
                self.writer.store(array, self.expressions.value(target.slice), value)
        else:
            raise KernelError(f"no assignment to {type(target).__name__} in kernels")

    def _AugAssign(self, node: ast.AugAssign) -> None:
        name, value = type(node.op).__name__, self.expressions.value
        if isinstance(node.target, ast.Name):
            old = self.variables.read(node.target.id)
            self.variables.write(node.target.id, self.expressions.operation(name, old, value(node.value)))
        elif isinstance(node.target, ast.Subscript):
            array, index = self.expressions.array(value(node.target.value)), value(node.target.slice)
            new = self.expressions.operation(name, self.writer.load(array, index), value(node.value))
            self.writer.store(array, index, new)
        else:
            self._unknown(node)

    def _If(self, node: ast.If) -> None:
        test = self.expressions.value(node.test)
        self.writer.either(test, lambda: self.body(node.body), lambda: self.body(node.orelse))

    def _While(self, node: ast.While) -> None:
        self._loop(lambda: self.expressions.value(node.test), node.body, lambda: None)

    def _For(self, node: ast.For) -> None:
        """Over a `range` that rises, with a variable that is not there afterwards."""
        call, target = node.iter, node.target
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            raise KernelError("loops go over ranges")
        if not isinstance(target, ast.Name):
            raise KernelError("loops have one variable")
        ends = [self.expressions.value(one) for one in call.args]
        start, stop = (static(0), ends[0]) if len(ends) == 1 else ends[:2]
        step = ends[2] if len(ends) > 2 else static(1)
        kind = self._range_type(start, stop)
        stop, [slot] = self.writer.convert(stop, kind), self.writer.slots(kind)
        self.builder.store(self.writer.convert(start, kind).parts[0], slot)
        now = lambda: Value(kind, (self.builder.load(slot),))

        def following() -> None:
            after = self.expressions.operation("Add", now(), step)
            self.builder.store(self.writer.convert(after, kind).parts[0], slot)

        before = dict(self.variables.own)
        self.variables.own[target.id] = f"{target.id} {node.lineno}"
        first = lambda: self.variables.write(target.id, now())
        self._loop(lambda: compare(self.builder, "<", now(), stop), node.body, following, first)
        self.variables.own = before

    def _range_type(self, start: Value, stop: Value) -> Any:
        """Of 64 bits, unsigned if an end of it is."""
        return UINT64 if common(start, stop).kind == "u" else INT64

    def _loop(self, condition: Any, statements: list[ast.stmt], following: Any, first: Any = lambda: None) -> None:
        builder = self.builder
        test, body, after, end = (builder.append_basic_block(name) for name in ("test", "body", "after", "end"))
        builder.branch(test)
        builder.position_at_end(test)
        known = self.writer.truth(condition())
        builder.cbranch(known, body, end)
        builder.position_at_end(body)
        self.loops.append((after, end))
        first()
        self.body(statements)
        self.loops.pop()
        if not builder.block.is_terminated:
            builder.branch(after)
        builder.position_at_end(after)
        following()
        builder.branch(test)
        builder.position_at_end(end)

    def _Continue(self, node: ast.Continue) -> None:
        self.builder.branch(self.loops[-1][0])

    def _Break(self, node: ast.Break) -> None:
        self.builder.branch(self.loops[-1][1])
