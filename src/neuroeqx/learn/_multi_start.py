"""Descent from many starting points at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._trainable import trainable


class MultiStart(NamedTuple):
    """What `multi_start` returns.

    - `best`: the model with the least loss of all starts and steps.
    - `models`: the best of each start, stacked along a leading axis.
    - `losses`: theirs, `[starts]`; infinite for a start that gave no finite loss.
    - `history`: the loss before each step, `[steps, starts]`.
    """

    best: Any
    models: Any
    losses: Float[np.ndarray, " starts"]
    history: Float[np.ndarray, "steps starts"]


def multi_start(
    models: Any,
    loss: Callable[[Any], Float[Array, ""]],
    *,
    optim: Any,
    steps: int,
    where: Callable[[Any], Any] | None = None,
) -> MultiStart:
    """Minimise a loss from many starting points, side by side: for fits whose loss has many minima, as those of cells to
    recordings.

    All starts and steps are one compiled program. A start whose loss or gradient is not finite stays where it was last.

    ```python
    models = eqx.filter_vmap(make)(jr.split(key, 16))        # make: a key to a model
    found = nex.learn.multi_start(models, loss, optim=optax.adam(0.03), steps=300)
    ```

    **Arguments:**

    - `models`: a model whose floating-point arrays all have a leading axis, that of starts.
    - `loss`: of one model, to a number. Constrained parameters (`nex.layers.Bounded`) are for it to `resolve`.
    - `optim`: an optimiser of optax; each start has a state of its own.
    - `steps`: of the optimiser, at least 1.
    - `where`: what is trained, as for `nex.trainable`; all floating-point arrays by default.

    **Errors:** a `ValueError` if the arrays do not have one leading axis in common, or if no start ever gave a finite loss.
    """
    if steps < 1:
        raise ValueError(f"multi_start: `steps` must be at least 1, got {steps}.")
    arrays, rest = eqx.partition(models, eqx.is_inexact_array)
    lengths = {x.shape[:1] for x in jtu.tree_leaves(arrays)}
    if len(lengths) != 1 or lengths == {()} or lengths == {(0,)}:
        raise ValueError(
            "multi_start: all floating-point arrays of `models` must have a leading axis, that of starts, got the lengths "
            f"{sorted(lengths)}; make models with eqx.filter_vmap."
        )
    chosen = eqx.is_inexact_array if where is None else trainable(models, where)
    trained, fixed = eqx.partition(arrays, chosen)
    kept, history = _descend(trained, fixed, rest, loss, optim, steps)
    (trained, losses), history = kept, np.asarray(history)
    losses = np.asarray(losses)
    if not np.isfinite(losses).any():
        raise ValueError("multi_start: no start gave a finite loss.")
    models = eqx.combine(trained, fixed)
    best = jtu.tree_map(lambda x: x[int(np.argmin(losses))], models)
    return MultiStart(eqx.combine(best, rest), eqx.combine(models, rest), losses, history)


@eqx.filter_jit
def _descend(trained: Any, fixed: Any, rest: Any, loss: Any, optim: Any, steps: int) -> tuple[tuple[Any, Array], Array]:
    def value(trained: Any, fixed: Any) -> Array:
        return loss(eqx.combine(trained, fixed, rest))

    def step(carry: Any, _: Any) -> Any:
        trained, opt_state, kept, least = carry
        values, slopes = jax.vmap(jax.value_and_grad(value))(trained, fixed)
        fine = jnp.isfinite(values)
        for x in jtu.tree_leaves(slopes):
            fine = fine & jnp.isfinite(x).reshape(x.shape[0], -1).all(1)
        better = fine & (values < least)
        kept, least = _choose(better, trained, kept), jnp.where(better, values, least)
        updates, after = jax.vmap(optim.update)(slopes, opt_state, trained)
        moved = eqx.apply_updates(trained, updates)
        return (_choose(fine, moved, trained), _choose(fine, after, opt_state), kept, least), values

    least = jnp.full(jtu.tree_leaves(trained)[0].shape[0], jnp.inf)
    (trained, _, kept, least), history = lax.scan(
        step, (trained, jax.vmap(optim.init)(trained), trained, least), length=steps
    )
    # The last step has not been looked at.
    last = jax.vmap(value)(trained, fixed)
    better = jnp.isfinite(last) & (last < least)
    return (_choose(better, trained, kept), jnp.where(better, last, least)), history


def _choose(which: Array, these: Any, others: Any) -> Any:
    """Of each start the one or the other."""
    pick = lambda x, y: jnp.where(which.reshape(-1, *(1,) * (x.ndim - 1)), x, y)
    return jtu.tree_map(pick, these, others)
