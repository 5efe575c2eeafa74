"""JAX's own operations that are no loop over an array: sums, selections by index, products with dense matrices."""

import math
from typing import Any

import numpy as np

from ._call import Call, Unsupported


_REALS = (np.dtype(np.float32), np.dtype(np.float64))


def _check_sum(eqn: Any) -> None:
    [array] = eqn.invars
    if eqn.outvars[0].aval.shape != () or array.aval.dtype not in _REALS:
        raise Unsupported(
            f"{eqn.primitive.name} of {array.aval.str_short()} along some axes only, or of no real numbers"
        )


def _emit_sum(e: Any, operation: Any) -> None:
    [array], [total] = operation.inputs, operation.outputs
    place = e.room_on_stack(total.dtype)
    e.call("total", [e.address(array), e.size(array), place], [array.dtype.type])
    e.define(total, e.read(total.dtype, place))


def _check_gather(eqn: Any) -> None:
    """Of single entries of a vector."""
    array, indices = (v.aval for v in eqn.invars)
    numbers = eqn.params["dimension_numbers"]
    single = array.ndim == 1 and tuple(eqn.params["slice_sizes"]) == (1,) and indices.dtype == np.dtype(np.int32)
    plain = tuple(numbers.collapsed_slice_dims) == (0,) == tuple(numbers.start_index_map) and not numbers.offset_dims
    fill = eqn.params["fill_value"]
    if not (single and plain) or not (fill is None or np.isnan(fill)) or array.dtype not in _REALS:
        raise Unsupported(f"gather of sections {tuple(eqn.params['slice_sizes'])} from {array.str_short()}")


def _emit_gather(e: Any, operation: Any) -> None:
    array, indices = operation.inputs
    # Numbers beyond the ends: not a number where JAX fills, the nearest one where it clips or was promised that there are none.
    fills = "FILL" in str(operation.params["mode"]).upper()
    words = [e.address(array), e.size(array), e.address(indices), e.size(indices), e.address(operation.outputs[0])]
    e.call("take", [*words, e.word(fills)], [array.dtype.type])


def _check_dot(eqn: Any) -> None:
    """Of a vector and a matrix."""
    a, b = (v.aval for v in eqn.invars)
    (contracted_a, contracted_b), batch = eqn.params["dimension_numbers"]
    vectors = sorted((a.ndim, b.ndim)) == [1, 2] and len(contracted_a) == len(contracted_b) == 1
    if not vectors or any(batch) or a.dtype != b.dtype or a.dtype not in _REALS or 0 in (a.size, b.size):
        raise Unsupported(f"dot_general of {a.str_short()} and {b.str_short()}")


def _emit_dot(e: Any, operation: Any) -> None:
    (contracted, _), _ = operation.params["dimension_numbers"]
    a, b = operation.inputs
    matrix, vector = (a, b) if len(a.shape) == 2 else (b, a)
    axis = contracted[0] if matrix is a else operation.params["dimension_numbers"][0][1][0]
    out = operation.outputs[0]
    words = [e.address(out), e.size(out), e.address(matrix), e.address(vector), e.size(vector), e.word(axis == 0)]
    e.call("dot", words, [out.dtype.type])


def _check_scatter(eqn: Any) -> None:
    """Of single numbers, or of parts of one length, into a vector."""
    array, indices, updates = (v.aval for v in eqn.invars)
    numbers = eqn.params["dimension_numbers"]
    kinds = tuple(numbers.inserted_window_dims), tuple(numbers.update_window_dims)
    plain = kinds in (((0,), ()), ((), (updates.ndim - 1,))) and tuple(numbers.scatter_dims_to_operand_dims) == (0,)
    whole = array.ndim == 1 and indices.dtype == np.dtype(np.int32) and 0 not in (indices.size, updates.size)
    if not plain or not whole or array.dtype not in _REALS:
        raise Unsupported(f"{eqn.primitive.name} of {updates.str_short()} to {array.str_short()}")


def _emit_scatter(adds: bool) -> Any:
    def emit(e: Any, operation: Any) -> None:
        array, indices, updates = operation.inputs
        e.in_place(operation, 0, array)
        clips = "CLIP" in str(operation.params["mode"]).upper()
        number = e.word(1) if indices.scalar else e.size(indices)
        length = e.word(1) if updates.scalar else e.builder.udiv(e.size(updates), number)
        words = [e.address(operation.outputs[0]), e.size(array), e.address(indices), number, e.address(updates), length]
        e.call("scatter", [*words, e.word(clips), e.word(adds)], [array.dtype.type])

    return emit


def _check_joined(eqn: Any) -> None:
    """Whether the parts lie one after the other."""
    name, shape = eqn.primitive.name, eqn.outvars[0].aval.shape
    axis = eqn.params["dimension" if name == "concatenate" else "axis"]
    if math.prod(shape[:axis]) != 1 or any(v.aval.size == 0 for v in eqn.invars):
        raise Unsupported(f"{name} along axis {axis} to {shape}")


def _emit_joined(e: Any, operation: Any) -> None:
    place, [output] = e.word(0), operation.outputs
    for part in operation.inputs:
        if part.scalar:
            e.store_single(e.address(output, place), part.dtype, e.single(part))
            place = e.builder.add(place, e.word(1))
        else:
            e.copy(e.address(output, place), part)
            place = e.builder.add(place, e.size(part))


def _check_running(eqn: Any) -> None:
    [array] = (v.aval for v in eqn.invars)
    if array.ndim != 1 or array.dtype not in _REALS:
        raise Unsupported(f"{eqn.primitive.name} of {array.str_short()}")


def _emit_running(e: Any, operation: Any) -> None:
    [array], [output] = operation.inputs, operation.outputs
    words = [e.address(output), e.address(array), e.size(array), e.word(operation.params["reverse"])]
    e.call("running_sum", words, [array.dtype.type])


ARRAY_CALLS = {
    "reduce_sum": Call(_check_sum, _emit_sum, {}),
    "gather": Call(_check_gather, _emit_gather, {}),
    "dot_general": Call(_check_dot, _emit_dot, {}),
    "scatter": Call(_check_scatter, _emit_scatter(False), {0: 0}),
    "scatter-add": Call(_check_scatter, _emit_scatter(True), {0: 0}),
    "concatenate": Call(_check_joined, _emit_joined, {}),
    "stack": Call(_check_joined, _emit_joined, {}),
    "cumsum": Call(_check_running, _emit_running, {}),
}
