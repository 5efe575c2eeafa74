"""Native loops from a model's own step."""

from ._either import either as either
from ._scan import scan as scan
from ._while import explain as explain, while_loop as while_loop
