"""Kernels with faults that the checks must find."""

import triton
import triton.language as tl


@triton.jit
def ordered(out, BLOCK: tl.constexpr):
    """An addition that orders memory."""
    tl.atomic_add(out + tl.arange(0, BLOCK), 1.0)


@triton.jit
def no_mask(x, n, out, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i), mask=i < n)


@triton.jit
def no_atomics(indices, n, out, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    j = tl.load(indices + i, mask=i < n, other=0)
    tl.store(out + j, tl.load(out + j, mask=i < n, other=0) + 1.0, mask=i < n)


@triton.jit
def read_while_added_to(indices, n, out, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    j = tl.load(indices + i, mask=i < n, other=0)
    tl.atomic_add(out + j, 1.0, mask=(i < n) & (tl.load(out + j, mask=i < n, other=0) >= 0), sem="relaxed")


@triton.jit
def two_lanes_store(x, n, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i // 2, tl.load(x + i, mask=i < n, other=0), mask=i < n)


@triton.jit
def no_guard(ids, n, out, BLOCK: tl.constexpr):
    """Takes what is behind the end of a list for an entry."""
    tl.atomic_add(out + tl.load(ids + tl.arange(0, BLOCK), mask=tl.arange(0, BLOCK) < n, other=0), 1.0, sem="relaxed")
