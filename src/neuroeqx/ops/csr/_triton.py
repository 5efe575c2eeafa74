"""Lowering of the CSR products to the Triton kernels."""

from .. import _triton_row_calls


def add_matvec(out, weight, x, indices, indptr, offset=None, *, active, event):
    del event  # the kernel skips what is silent, in any case
    return _triton_row_calls.add_matvec(out, weight, x, indices, indptr, offset, active=active)


def rmatvec(weight, g, indices, indptr, offset=None, *, n_pre):
    return _triton_row_calls.rmatvec(weight, g, indices, indptr, offset, n_pre=n_pre)


def outer(x, g, indices, indptr, offset=None, *, active, weight_shape):
    return _triton_row_calls.outer(x, g, indices, indptr, offset, active=active, weight_shape=weight_shape)


def add_outer(weight, x, g, indices, indptr, offset=None, *, active, order=None):
    return _triton_row_calls.add_outer(weight, x, g, indices, indptr, offset, active=active, order=order)
