"""Lowering of the products with fixed fan-out to the Triton kernels."""

from .. import _triton_row_calls


def add_matvec(out, weight, x, indices, offset=None, *, active, event):
    del event  # the kernel skips what is silent, in any case
    return _triton_row_calls.add_matvec(out, weight, x, indices, None, offset, active=active)


def rmatvec(weight, g, indices, offset=None, *, n_pre):
    return _triton_row_calls.rmatvec(weight, g, indices, None, offset, n_pre=n_pre)


def outer(x, g, indices, offset=None, *, active, weight_shape):
    return _triton_row_calls.outer(x, g, indices, None, offset, active=active, weight_shape=weight_shape)


def add_outer(weight, x, g, indices, offset=None, *, active, order=None):
    return _triton_row_calls.add_outer(weight, x, g, indices, None, offset, active=active, order=order)
