"""Choosing what to train."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.tree_util as jtu


def trainable(model: Any, where: Callable[[Any], Any]) -> Any:
    """A filter for `eqx.partition` that is true for the parameters in some parts of a model only.

    ```python
    parameters, fixed = eqx.partition(net, nex.trainable(net, lambda n: n.projections["E->E:ampa"].comm.weight))
    ```

    **Arguments:**

    - `model`: any pytree.
    - `where`: from the model to one part, or to a sequence of parts, as in `eqx.tree_at`.

    **Returns:** a pytree like `model` of booleans: true for inexact arrays within the parts.

    **Errors:** `ValueError` if there is nothing to train in the parts.
    """
    parts = where(model)
    chosen = jtu.tree_map(eqx.is_inexact_array, parts)
    if not any(jtu.tree_leaves(chosen)):
        raise ValueError("trainable: `where` selects no floating-point arrays.")
    nothing = jtu.tree_map(lambda _: False, model)
    return eqx.tree_at(where, nothing, chosen)
