"""Native loops from a model's own step."""

from . import _scan_rules as _scan_rules  # how the scan is differentiated
from ._either import either as either
from ._scan import scan as scan
from ._while import explain as explain, while_loop as while_loop
