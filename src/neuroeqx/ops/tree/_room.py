"""The room in which native code solves trees."""

import math


FEWEST = 4  # members of a batch from which they are solved side by side, a lane for each


def numbers(source, tree) -> int:
    """How many: shunt and source of every node, or these and the coupling for every lane of a vector of 64 bytes."""
    if math.prod(source.shape[:-1]) < FEWEST:
        return 2 * len(tree)
    return 3 * len(tree) * (64 // source.dtype.itemsize)
