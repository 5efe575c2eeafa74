"""Evidence: what holds models, your own among them, to references."""

from ._order import check_order as check_order
