"""Native loops from a model's own step."""

from ._while import explain as explain, while_loop as while_loop
