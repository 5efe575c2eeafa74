"""The primitives of the products with fixed fan-out. Structure: `indices`, and an `offset` of the columns or none."""

from .._trilinear import make_products
from . import _cpu, _reference, _triton


products = make_products("fanout", _reference, _cpu, _triton)
