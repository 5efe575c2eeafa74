"""Products along active rows for a section of the targets, for kernels compiled by numba: what one of two threads does.

Both threads go through all active rows and pick the synapses of their own targets, a vector at a time and without a
branch for each synapse, so that rows need not be in order and every target gets its sums in the order of one thread.
"""

from llvmlite import ir
from numba import carray, types
from numba.core import cgutils

from ._active import LIST, stack_list
from ._ffi import intrinsic, kernel
from ._rows import AHEAD, bounds, fetch, weight_at


_LANES = 16  # 32-bit numbers in 64 bytes
_MOST = LIST - _LANES  # picked synapses in a list on the stack, behind which a whole vector is written


def _lanes(builder, data, position, mask):
    """The numbers at 16 places, where the mask has bits."""
    kind = ir.VectorType(data.type.pointee, _LANES)
    word, bits = ir.IntType(32), data.type.pointee.width
    declaration = ir.FunctionType(kind, [kind.as_pointer(), word, mask.type, kind])
    function = cgutils.get_or_insert_function(builder.module, declaration, f"llvm.masked.load.v{_LANES}i{bits}.p0")
    pointer = builder.bitcast(builder.gep(data, [position]), kind.as_pointer())
    return builder.call(function, [pointer, word(bits // 8), mask, ir.Constant(kind, None)])


def _pack(builder, lanes, mask, data, position):
    """Writes the numbers whose bits are set, one after the other, and something behind them."""
    name = f"llvm.experimental.vector.compress.v{_LANES}i{lanes.type.element.width}"
    declaration = ir.FunctionType(lanes.type, [lanes.type, mask.type, lanes.type])
    function = cgutils.get_or_insert_function(builder.module, declaration, name)
    packed = builder.call(function, [lanes, mask, ir.Constant(lanes.type, ir.Undefined)])
    pointer = builder.bitcast(builder.gep(data, [position]), lanes.type.as_pointer())
    builder.store(packed, pointer, align=lanes.type.element.width // 8)


def _fill(builder, value, kind):
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    every = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), every)


@intrinsic
def _pick(typingctx, indices, k, end, first, size, places, synapses, count):
    """Appends the targets of the next 16 synapses from `k` on (below `end`) that lie within a section.

    And the numbers of the synapses, unless there is no list for them. Returns how many there are then. What follows them in
    the lists is overwritten.
    """
    numbered = not isinstance(synapses, types.NoneType)

    def generate(context, builder, signature, args):
        arrays = (0, 5, 6) if numbered else (0, 5)
        data = [context.make_array(signature.args[n])(context, builder, args[n]).data for n in arrays]
        _, k, end, first, size, _, _, count = args
        kind, word = ir.VectorType(ir.IntType(32), _LANES), ir.IntType(64)
        lane = ir.Constant(kind, list(range(_LANES)))
        left = builder.sub(end, k)
        left = builder.select(builder.icmp_unsigned("<", left, word(_LANES)), left, word(_LANES))
        low = lambda number: _fill(builder, builder.trunc(number, ir.IntType(32)), kind)
        there = builder.icmp_unsigned("<", lane, low(left))
        targets = _lanes(builder, data[0], k, there)
        own = builder.icmp_unsigned("<", builder.sub(targets, low(first)), low(size))
        own = builder.and_(own, there)
        _pack(builder, targets, own, data[1], count)
        if numbered:
            _pack(builder, builder.add(low(k), lane), own, data[2], count)
        bits = builder.bitcast(own, ir.IntType(_LANES))
        return builder.add(count, builder.zext(builder.ctpop(bits), word))

    return types.uint64(indices, *(types.uint64,) * 4, places, synapses, types.uint64), generate


@kernel
def _add_row(out, section, weight, shared, indices, begin, end, value):
    places, synapses = carray(stack_list(), LIST, types.uint32), carray(stack_list(), LIST, types.uint32)
    if shared:
        value = value * weight_at(weight, 0)
    k = begin
    while k < end:
        count = types.uint64(0)
        if shared:
            while k < end and count <= types.uint64(_MOST):
                count = _pick(indices, k, end, section[0], section[1], places, None, count)
                k += types.uint64(_LANES)
            for n in range(count):
                out[places[n]] += value
        else:
            while k < end and count <= types.uint64(_MOST):
                count = _pick(indices, k, end, section[0], section[1], places, synapses, count)
                k += types.uint64(_LANES)
            for n in range(count):
                out[places[n]] += value * weight_at(weight, synapses[n])


@kernel
def add_list_within(out, section, weight, shared, indices, rows, x, ones, active, count):
    """As `add_list`, only to the targets of a section, given by the first of them and their number."""
    for a in range(-AHEAD, count):
        if a + AHEAD < count:
            begin, end = bounds(rows, active[types.uint64(a + AHEAD)])
            fetch(indices, begin, end)
            if not shared:
                fetch(weight, begin, end)
        if a >= 0:
            row = active[types.uint64(a)]
            begin, end = bounds(rows, row)
            value = x.dtype.type(1) if ones else x[types.uint64(row)]
            _add_row(out, section, weight, shared, indices, begin, end, value)
