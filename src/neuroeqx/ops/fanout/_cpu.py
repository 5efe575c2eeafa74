"""Lowering of the products with fixed fan-out to the native kernels for CPU."""

from .. import _row_calls


def add_matvec(out, weight, x, indices, offset=None, *, active, event):
    del event  # the kernel looks for itself how many events there are
    return _row_calls.add_matvec(out, weight, x, indices, None, offset, active=active)


def rmatvec(weight, g, indices, offset=None, *, n_pre):
    return _row_calls.rmatvec(weight, g, indices, None, offset, n_pre=n_pre)


def outer(x, g, indices, offset=None, *, active, weight_shape):
    return _row_calls.outer(x, g, indices, None, offset, active=active, weight_shape=weight_shape)


def add_outer(weight, x, g, indices, *, active, order):
    return _row_calls.add_outer(weight, x, g, indices, None, active=active, order=order)
