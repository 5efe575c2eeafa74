"""JAX's own operations that are no loop over an array: sums, selections by index, products with dense matrices."""

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


ARRAY_CALLS = {
    "reduce_sum": Call(_check_sum, _emit_sum, {}),
    "gather": Call(_check_gather, _emit_gather, {}),
    "dot_general": Call(_check_dot, _emit_dot, {}),
}
