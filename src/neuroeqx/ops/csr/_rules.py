"""The primitives of the CSR products. Structure: `indices`, `indptr`, and an `offset` of the columns or none."""

from .._trilinear import make_products
from . import _cpu, _reference, _triton


products = make_products("csr", _reference, _cpu, _triton)
