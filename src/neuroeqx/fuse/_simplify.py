"""Shorter forms of what the equations say, equal to it up to rounding.

Spikes are numbers, 0 or 1, so that they can be differentiated; here they are told again as truth values, which a processor
handles in registers of their own. And factors that a whole loop shares are multiplied before it.
"""

import dataclasses
from typing import Any

import numpy as np

from ._flat import Atom, Constant, Flat, needed, Operation, Value


_BOOL = np.dtype(bool)
_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}


def simplify(flat: Flat) -> Flat:
    return _Simplifier(flat).run()


@dataclasses.dataclass
class _Simplifier:
    flat: Flat

    def run(self) -> Flat:
        self.same: dict[int, Atom] = {}  # what a value was found to equal
        self.truth: dict[int, Value] = {}  # the truth value that a 0 or 1 stands for
        self.made: dict[int, Operation] = {}
        self.operations: list[Operation] = []
        self.uses: dict[int, int] = {}
        for operation in self.flat.operations:
            for atom in operation.inputs:
                self.uses[id(atom)] = self.uses.get(id(atom), 0) + 1
        for atom in self.flat.outputs:
            self.uses[id(atom)] = self.uses.get(id(atom), 0) + 1
        for operation in self.flat.operations:
            inputs = [self.same.get(id(atom), atom) for atom in operation.inputs]
            operation = dataclasses.replace(operation, inputs=inputs)
            if not (operation.kind == "elementwise" and self._shorter(operation)):
                self._keep(operation)
        outputs = [self.same.get(id(atom), atom) for atom in self.flat.outputs]
        return Flat(self.flat.inputs, needed(self.operations, outputs), outputs)

    def _keep(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.made.update({id(value): operation for value in operation.outputs})

    def _make(self, name: str, inputs: list[Atom], like: Value, dtype: Any) -> Value:
        value = Value(like.shape, np.dtype(dtype))
        self._keep(Operation("elementwise", name, {}, inputs, [value]))
        return value

    def _shorter(self, operation: Operation) -> bool:
        """Whether an operation was replaced."""
        output = operation.outputs[0]
        real = output.dtype.kind == "f"
        if operation.name == "convert_element_type" and real and operation.inputs[0].dtype == _BOOL:
            return self._note(operation, operation.inputs[0])
        if operation.name == "mul" and real:
            return self._product(operation, output) or self._factor(operation, output)
        if operation.name == "div" and real:
            return self._factor(operation, output)
        if operation.name == "sub" and real and _is(operation.inputs[0], 1.0) and id(operation.inputs[1]) in self.truth:
            truth = self._make("not", [self.truth[id(operation.inputs[1])]], output, bool)
            return self._number(truth, operation)
        if operation.name == "add" and real:
            return self._jump(operation, output)
        if operation.name in _COMPARISONS:
            return self._comparison(operation, output)
        return False

    def _note(self, operation: Operation, truth: Any) -> bool:
        if isinstance(truth, Value):
            self.truth[id(operation.outputs[0])] = truth
        return False

    def _number(self, truth: Value, operation: Operation) -> bool:
        """The output is the number that a truth value is."""
        self.truth[id(operation.outputs[0])] = truth
        self._keep(Operation("elementwise", "convert_element_type", {}, [truth], operation.outputs))
        return True

    def _product(self, operation: Operation, output: Value) -> bool:
        """By a 0 or 1. A factor that is not finite is not multiplied by 0 but left out."""
        a, b = operation.inputs
        known = [self.truth.get(id(atom)) for atom in (a, b)]
        first, second = known
        if first is not None and second is not None:
            if first.shape == second.shape:
                return self._number(self._make("and", [first, second], output, bool), operation)
            return False
        for truth, factor in zip(known, (b, a), strict=True):
            if truth is not None and truth.shape == output.shape:
                zero = Constant(0.0, output.dtype)
                self._keep(Operation("elementwise", "select_n", {}, [truth, zero, factor], [output]))
                return True
        return False

    def _jump(self, operation: Operation, output: Value) -> bool:
        """`x + (y - x if fired else 0)` is `y if fired else x`."""
        x, change = operation.inputs
        chosen = self.made.get(id(change))
        if chosen is None or chosen.name != "select_n" or not _is(chosen.inputs[1], 0.0):
            return False
        difference = self.made.get(id(chosen.inputs[2]))
        if difference is None or difference.name != "sub" or difference.inputs[1] is not x:
            return False
        self._keep(Operation("elementwise", "select_n", {}, [chosen.inputs[0], x, difference.inputs[0]], [output]))
        return True

    def _factor(self, operation: Operation, output: Value) -> bool:
        """`x * s * t` is `x * (s * t)` for numbers that all of `x` shares."""
        outer = _shared_factor(operation)
        if outer is None or output.scalar:
            return False
        x, t = outer
        source = self.made.get(id(x))
        if source is None or source.name not in ("mul", "div") or self.uses.get(id(x), 0) != 1:
            return False
        inner = _shared_factor(source)
        if inner is None:
            return False
        y, s = inner
        names = source.name, operation.name
        if names == ("mul", "div"):
            factor = self._scalar("div", s, t, output)
        elif names == ("div", "mul"):
            factor = self._scalar("div", t, s, output)
        else:
            factor = self._scalar("mul", s, t, output)
        name = "div" if names == ("div", "div") else "mul"
        self._keep(Operation("elementwise", name, {}, [y, factor], [output]))
        return True

    def _scalar(self, name: str, s: Atom, t: Atom, output: Value) -> Value:
        return self._make(name, [s, t], Value((), output.dtype), output.dtype)

    def _comparison(self, operation: Operation, output: Value) -> bool:
        a, b = operation.inputs
        truth = self.truth.get(id(a))
        if operation.name in ("gt", "ne") and truth is not None and _is(b, 0.0) and truth.shape == output.shape:
            self.same[id(output)] = truth
            return True
        source = self.made.get(id(a))
        if source is not None and source.name == "sub" and a.dtype.kind == "f" and _is(b, 0.0):
            # With gradual underflow a difference is zero for equal numbers only.
            self._keep(Operation("elementwise", operation.name, {}, list(source.inputs), [output]))
            return True
        return False


def _is(atom: Any, number: float) -> bool:
    return isinstance(atom, Constant) and atom.value == number


def _shared_factor(operation: Operation) -> tuple[Any, Any] | None:
    """The array and the single number of a product or quotient of the two."""
    a, b = operation.inputs
    if b.scalar and not a.scalar:
        return a, b
    if operation.name == "mul" and a.scalar and not b.scalar:
        return b, a
    return None
