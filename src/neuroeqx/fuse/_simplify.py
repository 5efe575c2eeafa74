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
        self.known: dict[int, Constant] = {}  # the number that an array has in every place
        self.seen: dict[Any, Operation] = {}
        for operation in self.flat.operations:
            for atom in operation.inputs:
                self.uses[id(atom)] = self.uses.get(id(atom), 0) + 1
        for atom in self.flat.outputs:
            self.uses[id(atom)] = self.uses.get(id(atom), 0) + 1
        for operation in self.flat.operations:
            inputs = [self.same.get(id(atom), atom) for atom in operation.inputs]
            if operation.kind == "elementwise":
                inputs = [self.known.get(id(atom), atom) for atom in inputs]
            operation = dataclasses.replace(operation, inputs=inputs)
            if operation.kind != "elementwise" or not (self._again(operation) or self._shorter(operation)):
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
        if operation.name in ("fill", "neg", "convert_element_type") and isinstance(operation.inputs[0], Constant):
            return self._constant(operation, output)
        if operation.name == "mul" and real and any(_is(atom, 1.0) for atom in operation.inputs):
            other = operation.inputs[_is(operation.inputs[0], 1.0)]
            if isinstance(other, Value) and other.shape == output.shape:
                self.same[id(output)] = other
                return True
        if operation.name == "mul" and real:
            return self._product(operation, output) or self._factor(operation, output) or self._sign(operation)
        if operation.name == "div" and real:
            return self._factor(operation, output)
        if operation.name == "sub" and real and _is(operation.inputs[0], 1.0) and id(operation.inputs[1]) in self.truth:
            truth = self._make("not", [self.truth[id(operation.inputs[1])]], output, bool)
            return self._number(truth, operation)
        if operation.name == "exp":
            self._bound(operation)
        if operation.name == "add" and real:
            return self._jump(operation, output) or self._sign(operation)
        if operation.name == "sub" and real:
            return self._sign(operation)
        if operation.name in _COMPARISONS:
            return self._comparison(operation, output)
        return False

    def _again(self, operation: Operation) -> bool:
        """Whether the same was computed before."""
        atoms = [(repr(a.value), a.dtype) if isinstance(a, Constant) else id(a) for a in operation.inputs]
        output = operation.outputs[0]
        params = repr(sorted(operation.params.items(), key=str)) if operation.params else ""
        key = (operation.name, params, *atoms, output.shape, output.dtype)
        first = self.seen.setdefault(key, operation)
        if first is operation:
            return False
        self.same[id(output)] = self.same.get(id(first.outputs[0]), first.outputs[0])
        return True

    def _constant(self, operation: Operation, output: Value) -> bool:
        """Notes what is the same number everywhere; what does not compute with it still finds it."""
        source: Any = operation.inputs[0]
        value = -source.value if operation.name == "neg" else source.value
        self.known[id(output)] = Constant(np.asarray(value).astype(output.dtype).item(), output.dtype)
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

    def _sign(self, operation: Operation) -> bool:
        """Moves signs to where they cost nothing: `-x - y` is `-(x + y)`, `x + (-y)` is `x - y`, `-x * c` is `x * -c`."""
        (a, b), output = operation.inputs, operation.outputs[0]
        if output.scalar:
            return False
        plus_a, plus_b = self._negated(a), self._negated(b)
        inputs: list[Atom]
        if operation.name == "mul":
            if _is(a, -1.0) or _is(b, -1.0):
                name, inputs = "neg", [b if _is(a, -1.0) else a]
            elif plus_a is not None and isinstance(b, Constant):
                name, inputs = "mul", [plus_a, Constant(-b.value, b.dtype)]
            elif plus_b is not None and isinstance(a, Constant):
                name, inputs = "mul", [Constant(-a.value, a.dtype), plus_b]
            else:
                return False
        elif plus_b is not None:
            name, inputs = ("sub" if operation.name == "add" else "add"), [a, plus_b]
        elif plus_a is not None and operation.name == "sub":
            total: Atom = self._make("add", [plus_a, b], output, output.dtype)
            name = "neg"
            inputs = [total]
        else:
            return False
        if all(atom.scalar for atom in inputs):
            return False
        self._keep(Operation("elementwise", name, {}, inputs, [output]))
        return True

    def _negated(self, atom: Atom) -> Atom | None:
        source = self.made.get(id(atom))
        return source.inputs[0] if source is not None and source.name == "neg" else None

    def _bound(self, operation: Operation) -> None:
        """Notes that the argument of an exponential is clipped to where there is no overflow."""
        least = most = None
        source = self.made.get(id(operation.inputs[0]))
        while source is not None and source.name in ("max", "min", "clamp"):
            values = [atom.value if isinstance(atom, Constant) else None for atom in source.inputs]
            known = [value for value in values if value is not None]
            if source.name == "clamp":
                least, most = values[0], values[2]
            elif source.name == "max" and known:
                least = known[0] if least is None else least
            elif source.name == "min" and known:
                most = known[0] if most is None else most
            source = next((self.made.get(id(atom)) for atom in source.inputs if id(atom) in self.made), None)
        if least is not None and most is not None and -87.0 < least <= most < 88.0:
            operation.params = {"bounded": True}

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
