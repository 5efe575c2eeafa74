"""The two compiled programs of training: steps, and the evaluation of a model.

Numbers of steps are no part of a program, so that one serves epochs, the parts of one and the rest of one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Int

from .._types import Key


class Task(eqx.Module):
    """What does not change during training.

    - `fixed`: the model where it is not trained, `None` elsewhere.
    - `trained`: like the model, whether a leaf is trained.
    - `key`: of the steps; each folds in its number.
    - `data`: with a leading axis of samples; `None` if batches come one by one.
    - `stateful`: whether the loss has a state.
    """

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    optim: Any
    metrics: dict[str, Callable[..., Any]]
    fixed: Any
    trained: Any
    key: Key
    evaluation_key: Key
    data: Any
    validation: Any
    stateful: bool

    def objective(self, model: Any, batch: Any, key: Key, *state: Any) -> tuple[Array, tuple[dict[str, Array], Any]]:
        """The loss, as functions that differentiate want it. Of `model` only what is trained counts: the rest is a constant."""
        model = eqx.combine(eqx.filter(model, self.trained), self.fixed)
        found = self.loss(model, batch, key, *state)
        return unpacked(found, self.stateful)


class Carry(eqx.Module):
    """What changes: the trained part of the model, the optimiser's state, the state of the loss (`()` without one), and
    the records of the epoch, each with an entry for every step."""

    trained: Any
    opt_state: Any
    state: tuple[Any, ...]
    records: dict[str, Array]


def unpacked(found: Any, stateful: bool) -> tuple[Array, tuple[dict[str, Array], Any]]:
    """What a loss returned as (value, (aux, state)).

    **Errors:** `TypeError` or `ValueError` that say what it should return.
    """
    parts: tuple[Any, ...] = found if isinstance(found, tuple) else (found,)
    least = 2 if stateful else 1
    if not least <= len(parts) <= least + 1:
        wanted = "(value, state) or (value, state, aux)" if stateful else "a value or (value, aux)"
        raise TypeError(f"fit: `loss` must return {wanted}, got {len(parts)} things: {parts!r}.")
    value, state = jnp.asarray(parts[0]), (jtu.tree_map(as_array, parts[1]),) if stateful else ()
    aux = parts[least] if len(parts) > least else {}
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"fit: the value of `loss` must be one real number, got {value.dtype}{list(value.shape)}.")
    if not isinstance(aux, Mapping) or "loss" in aux:
        raise TypeError(f"fit: the aux of `loss` must be a dictionary of numbers, none called 'loss', got {aux!r}.")
    aux = {name: jnp.asarray(x) for name, x in sorted(aux.items())}
    for name, x in aux.items():
        if x.shape != ():
            raise ValueError(
                f"fit: {name!r} in the aux of `loss` must be one number for the batch, got shape {x.shape}."
            )
    return value, (aux, state)


def as_array(x: Any) -> Any:
    """Numbers of a state as arrays; other leaves as they are."""
    return jnp.asarray(x) if isinstance(x, bool | int | float | np.ndarray) else x


def step(task: Task, carry: Carry, batch: Any, number: Int[Array | np.ndarray, ""], place: Int[Array, ""]) -> Carry:
    """One step of the optimiser, the `number`-th of all, recorded at `place`."""
    key = jax.random.fold_in(task.key, number)
    model = eqx.combine(carry.trained, task.fixed)
    # A plain function, for ways to differentiate that want to know its name or signature.
    objective = lambda model, batch, key, *state: task.objective(model, batch, key, *state)
    (value, (aux, state)), grads = task.gradient(objective, has_aux=True)(model, batch, key, *carry.state)
    grads = eqx.filter(grads, task.trained)
    updates, opt_state = extended(task.optim).update(grads, carry.opt_state, carry.trained, value=value)
    trained = eqx.apply_updates(carry.trained, updates)
    found = {"loss": value} | aux
    records = {name: x.at[place].set(found[name].astype(x.dtype)) for name, x in carry.records.items()}
    return Carry(trained, opt_state, state, records)


def extended(optim: Any) -> Any:
    """The optimiser, told the value of the loss if it asks for it (as `optax.contrib.reduce_on_plateau` does)."""
    import optax  # takes a second, which importing the package should not

    return optax.with_extra_args_support(optim)


class Stretch(eqx.Module):
    """Which batches a program goes through: those from `start` on, before `stop`.

    - `first`: the number of the epoch's first step.
    - `order`: the samples of every batch, `[batches, batch]`, to be taken from the task's data; or `None`, and `batch` is the
        only one.
    """

    start: Int[Array | np.ndarray, ""]
    stop: Int[Array | np.ndarray, ""]
    first: Int[Array | np.ndarray, ""]
    order: Any = None
    batch: Any = None

    def at(self, data: Any, i: Int[Array, ""]) -> Any:
        """The i-th batch."""
        if self.order is None:
            return self.batch
        samples = self.order[i]
        return jtu.tree_map(lambda x: x.at[samples].get(mode="promise_in_bounds"), data)


def _advance(given: tuple[Task, Stretch], carry: Carry) -> tuple[Carry, Array]:
    """Steps through a stretch of an epoch. The memory of `carry` is taken over. Last comes a number that
    is ready when all is."""
    task, stretch = given
    arrays, rest = eqx.partition(carry, eqx.is_array)

    def one(i: Int[Array, ""], arrays: Any) -> Any:
        carry = step(task, eqx.combine(arrays, rest), stretch.at(task.data, i), stretch.first + i, i)
        return eqx.filter(carry, eqx.is_array)

    arrays = lax.fori_loop(stretch.start, stretch.stop, one, arrays)
    return eqx.combine(arrays, rest), arrays.records["loss"].sum()


advance = eqx.filter_jit(_advance, donate="all-except-first")


class Sums(eqx.Module):
    """What an evaluation has added up: of the loss and its aux over full batches, of metrics over samples."""

    losses: dict[str, Array]
    metrics: dict[str, Array]


def measure(task: Task, model: Any, state: tuple[Any, ...], batch: Any, key: Key) -> tuple[Sums, tuple[Any, ...]]:
    """The loss and its aux of a batch, and the metrics of each of its samples; and the new state."""
    value, (aux, after) = unpacked(task.loss(model, batch, key, *state), task.stateful)
    metrics = {name: jnp.asarray(metric(model, batch, key, *state)) for name, metric in task.metrics.items()}
    return Sums({"loss": value} | aux, metrics), after


def _evaluate(task: Task, stretch: Stretch, size: Int[Array | np.ndarray, ""], carry: Carry, sums: Sums) -> Sums:
    """Add a stretch of batches, in order, to sums. Of the last batch only the first samples count, `size` in all; its loss only
    if it is full."""
    batch_size = jtu.tree_leaves((stretch.batch, stretch.order))[0].shape[-1 if stretch.batch is None else 0]
    model = eqx.nn.inference_mode(eqx.combine(carry.trained, task.fixed))

    def one(i: Int[Array, ""], sums: Sums) -> Sums:
        key = jax.random.fold_in(task.evaluation_key, i)
        found, _ = measure(task, model, carry.state, stretch.at(task.validation, i), key)
        counts = i * batch_size + jnp.arange(batch_size, dtype=jnp.int32) < size

        def valid(x: Array) -> Array:
            wanted = counts.reshape(-1, *(1 for _ in x.shape[1:]))
            return jnp.where(wanted, x, jnp.zeros((), x.dtype)).sum(0)

        losses = {
            name: total + jnp.where(counts[-1], found.losses[name], 0).astype(total.dtype)
            for name, total in sums.losses.items()
        }
        metrics = {name: total + valid(found.metrics[name].astype(total.dtype)) for name, total in sums.metrics.items()}
        return Sums(losses, metrics)

    return lax.fori_loop(stretch.start, stretch.stop, one, sums)


evaluate = eqx.filter_jit(_evaluate)
