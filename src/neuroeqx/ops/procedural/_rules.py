"""The primitives of the procedural products. Parameter: `law`. Structure: `law.names`, and an `offset` or none."""

from .._trilinear import make_products
from . import _cpu, _reference, _triton


products = make_products("procedural", _reference, _cpu, _triton)
