"""Training a model."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._trainable import trainable
from .._types import Key
from ._batches import Batches, is_arrays, size_of, take
from ._by_method import parts
from ._choice import Choice
from ._grad import Gradient
from ._program import as_array, Carry, extended, measure, Sums, Task
from ._progress import Progress
from ._training import Training


CHECKPOINT = "checkpoint.nex"


@dataclasses.dataclass(frozen=True)
class Fit:
    """What `fit` returns.

    - `last`: the model after the last step.
    - `chosen`: the model after the epoch that was best by the validation, the earliest of equals; `None` without validation.
        (The model as given, if no epoch gave a number.)
    - `chosen_epoch`: that epoch, counted from 0; `None` if there is none.
    - `steps`: NumPy arrays with an entry for each step: `"loss"`, and the aux of the loss by name.
    - `epochs`: lists with an entry for each epoch: the means of `steps` and, by names as `"validation loss"`, what the
        validation gave after the epoch (numbers, nested lists of them where a metric has several).
    - `opt_state`: of the optimiser, after the last step.
    - `state`: of the loss, after the last step; `None` if it has none.
    """

    last: Any
    chosen: Any
    chosen_epoch: int | None
    steps: dict[str, np.ndarray]
    epochs: dict[str, list[Any]]
    opt_state: Any
    state: Any


def fit(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    optim: Any,
    epochs: int,
    key: Key,
    batch: int = 32,
    where: Callable[[Any], Any] | None = None,
    gradient: Callable[..., Any] = eqx.filter_value_and_grad,
    state: Any = None,
    validation: Any = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    choose: str | None = None,
    patience: int | None = None,
    folder: str | os.PathLike | None = None,
    every: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Fit:
    """Train a model: for each batch one step of the optimiser along the gradient of the loss.

    ```python
    def loss(model, batch, key):
        return losses.cross_entropy(jax.vmap(model)(batch["x"]), batch["y"]).mean()

    done = nex.learn.fit(model, loss, {"x": x, "y": y}, optim=optax.adam(1e-3), epochs=20, key=jr.key(0))
    ```

    All steps and all epochs are one compiled program, which takes over the memory of model and optimiser. Of arrays it goes
    through as many batches in a call as fit into half a second; the host does not look at results in between. The batches of
    an object are handed over one by one, the next being made while the last is computed with.

    **Arguments:**

    - `model`: any pytree, such as an `eqx.Module`. It is not consumed.
    - `loss`: `loss(model, batch, key)` to a number, or to `(number, aux)` with a dictionary of numbers that are recorded. The
        key is another one in every step. Or a gradient of runs, as `value_and_grad(..., batched=True)` returns: a batch is then
        a pair `(inputs, targets)`, of `Samples` and of what its loss takes, the last with an axis of samples before all
        others; it says itself `where` and how is trained, so `where`, `gradient` and `state` are not given.
    - `data`: an array, or arrays in a dictionary, tuple or list, of a leading axis of samples, which are put on the device
        as a whole; or an object with `__len__` and `__getitem__(indices)` to a batch of NumPy arrays, of the same
        shapes for every batch.
    - `optim`: an optimiser of optax.
    - `epochs`: passes through the data, all in all (also of a run that is resumed).
    - `key`: gives the order of the data and the randomness of the loss.
    - `batch`: samples in a batch. A last batch that is not full is left out, in every epoch other samples.
    - `where`: what is trained, as for `nex.trainable`; all floating-point arrays by default.
    - `gradient`: called as `gradient(f, has_aux=True)(model, batch, key)`, returns `((value, aux), gradients)`, as
        `eqx.filter_value_and_grad`. `f` depends on what is trained only; other gradients are dropped.
    - `state`: what the loss carries from batch to batch (weights that change by plasticity, running means): it is called
        as `loss(model, batch, key, state)` and returns `(number, state)` or `(number, state, aux)`. Gradients do not
        go back into earlier batches.
    - `validation`: data as `data` is, evaluated after every epoch, with `eqx.nn.inference_mode` of the model, the same keys
        in every epoch and the state as it is then. It goes in batches of at most `batch` samples, the last of which is
        filled up; what fills it does not count in metrics, and its loss not at all (so of n batches, at most n - 1 samples
        are not in the loss).
    - `metrics`: functions by name, called as the loss is, that return a value for each sample, `[batch, ...]` (for a
        gradient of runs: called with the outputs and targets of one). Their means over the validation data are exact.
    - `choose`: by what the best model is chosen, `"min loss"` by default: `"min"` or `"max"` and the loss, a name of its aux,
        or a metric of one number.
    - `patience`: stop after so many epochs without a better one.
    - `folder`: where a checkpoint is kept (`checkpoint.nex`, as `nex.learn.save` writes), at the end of epochs and every
        `every` steps.
    - `every`: steps; `None`: at the end of epochs only.
    - `resume`: go on from the checkpoint in the folder, if there is one, in the midst of an epoch too: steps are bit
        for bit those of a run without a break, as far as the program gives the same twice on the machine (on
        GPUs this takes `XLA_FLAGS=--xla_gpu_deterministic_ops=true`). A run that is finished returns its result at once.
    - `progress`: a line on standard error.

    **Returns:** a `Fit`.

    **Errors:** `ValueError` or `TypeError` that name the argument. A checkpoint of another model, optimiser, batch size or key
    is refused with the first leaf that differs. A loss that is not finite is no error: it is in the records, and such an epoch
    is never chosen.
    """
    _check_counts(epochs=epochs, batch=batch, patience=patience, every=every)
    if validation is None and (metrics is not None or choose is not None or patience is not None):
        raise ValueError("fit: `metrics`, `choose` and `patience` are about validation data: give `validation`.")
    if isinstance(loss, Gradient):
        if where is not None or gradient is not eqx.filter_value_and_grad or state is not None:
            raise ValueError(
                "fit: `where`, `gradient` and `state` cannot be given with a gradient of runs: value_and_grad(where=...)"
            )
        where = loss.where
    batches = Batches(data, batch, seed=_words(key))
    held = None if validation is None else _held(validation, batch)
    trained = jtu.tree_map(eqx.is_inexact_array, model) if where is None else trainable(model, where)
    task = _task(model, trained, loss, gradient, optim, metrics, batches, held, key, state is not None)
    carry, sums = _begin(task, model, state, batches, held)
    choice = None
    if sums is not None:
        single = [name for name, x in (sums.losses | sums.metrics).items() if x.shape == ()]
        choice = Choice.of("min loss" if choose is None else choose, single)
    training = Training(task, carry, sums, batches, held, choice)
    path = _path(folder, resume, every)
    if path is not None and resume and path.exists():
        training.restore(path)
    line = Progress(epochs, batches.per_epoch, progress)
    try:
        while training.epoch < epochs and not training.has_stalled(patience):
            training.finish_epoch(line, path, every)
    finally:
        line.stop()
    return _result(training, stateful=state is not None)


def _result(training: Training, stateful: bool) -> Fit:
    carry, fixed = training.carry, training.task.fixed
    return Fit(
        last=training.model,
        chosen=None if training.chosen is None else eqx.combine(training.chosen, fixed),
        chosen_epoch=training.chosen_epoch,
        steps=training.history(),
        epochs=training.epochs,
        opt_state=carry.opt_state,
        state=carry.state[0] if stateful else None,
    )


def _held(validation: Any, batch: int) -> Batches:
    """Validation data in batches as equal as they can be, so that as few samples as possible are in one that is not full."""
    size = size_of("fit", "validation", validation)
    if size == 0:
        raise ValueError("fit: `validation` has no samples.")
    return Batches(validation, size // -(-size // batch), shuffle=False)


def _task(
    model: Any,
    trained: Any,
    loss: Callable[..., Any],
    gradient: Callable[..., Any],
    optim: Any,
    metrics: Mapping[str, Callable[..., Any]] | None,
    batches: Batches,
    held: Batches | None,
    key: Key,
    stateful: bool,
) -> Task:
    own = {} if metrics is None else dict(sorted(metrics.items()))
    if "loss" in own:
        raise ValueError("fit: no metric can be called 'loss', which is that of the validation data.")
    if isinstance(loss, Gradient):
        loss, gradient, own = parts(loss, own)
    step_key, evaluation_key = jax.random.split(key)
    # Onto the device once.
    device = lambda data: jtu.tree_map(jnp.asarray, data) if is_arrays(data) else None
    return Task(
        loss=loss,
        gradient=gradient,
        optim=optim,
        metrics=own,
        fixed=eqx.filter(model, trained, inverse=True),
        trained=trained,
        key=step_key,
        evaluation_key=evaluation_key,
        data=device(batches.data),
        validation=None if held is None else device(held.data),
        stateful=stateful,
    )


def _begin(task: Task, model: Any, state: Any, batches: Batches, held: Batches | None) -> tuple[Carry, Sums | None]:
    """What changes, before the first step, and the sums of an evaluation; traced once, so that what does not fit is told."""
    own = eqx.filter(model, task.trained)
    carried = () if state is None else (jtu.tree_map(as_array, state),)
    sample = take(batches.data, np.arange(batches.batch))
    # Without metrics, which are for validation data.
    plain = dataclasses.replace(task, metrics={})
    found, after = eqx.filter_eval_shape(measure, plain, model, carried, sample, task.key)
    _check_same("`state`", carried, after)
    opt_state = task.optim.init(own)
    _check_same("the state of `optim`", opt_state, eqx.filter_eval_shape(_updated, task, own, opt_state))
    records = {name: jnp.zeros(batches.per_epoch, x.dtype) for name, x in found.losses.items()}
    carry = Carry(own, opt_state, carried, records)
    if held is None:
        return carry, None
    sample = take(held.data, np.arange(held.batch))
    found, _ = eqx.filter_eval_shape(measure, task, eqx.nn.inference_mode(model), carried, sample, task.key)
    for name, x in found.metrics.items():
        if x.shape[:1] != (held.batch,):
            raise ValueError(
                f"fit: metric {name!r} must return a value for each sample of the batch, [{held.batch}, ...], got shape "
                f"{x.shape}."
            )
    if set(found.losses) & set(found.metrics):
        raise ValueError(
            f"fit: metrics and the aux of `loss` share the names {sorted(set(found.losses) & set(found.metrics))}."
        )
    zeros = lambda x, shape: jnp.zeros(shape, x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else float)
    losses = {name: zeros(x, ()) for name, x in found.losses.items()}
    return carry, Sums(losses, {name: zeros(x, x.shape[1:]) for name, x in found.metrics.items()})


def _updated(task: Task, own: Any, opt_state: Any) -> Any:
    """The optimiser's state after a step along gradients like the parameters."""
    return extended(task.optim).update(own, opt_state, own, value=jnp.zeros(()))[1]


def _check_same(whose: str, before: Any, after: Any) -> None:
    """A step must keep the form of what it changes."""
    if jtu.tree_structure(before) != jtu.tree_structure(after):
        raise TypeError(
            f"fit: a step changes the structure of {whose}, from {jtu.tree_structure(before)} to {jtu.tree_structure(after)}."
        )
    for (path, x), y in zip(jtu.tree_leaves_with_path(before), jtu.tree_leaves(after), strict=True):
        if eqx.is_array(x) and (x.shape, x.dtype) != (y.shape, y.dtype):
            raise TypeError(
                f"fit: a step changes {whose}{jtu.keystr(path)} from {x.dtype}{list(x.shape)} to {y.dtype}{list(y.shape)}; "
                "shapes and dtypes must stay."
            )


def _words(key: Key) -> list[int]:
    """A key as whole numbers, the seed of the order of the data."""
    return [int(x) for x in np.asarray(jax.random.key_data(key)).reshape(-1)]


def _path(folder: str | os.PathLike | None, resume: bool, every: int | None) -> Path | None:
    if folder is None:
        if resume or every is not None:
            raise ValueError("fit: `resume` and `every` are about checkpoints: give a `folder`.")
        return None
    path = Path(folder) / CHECKPOINT
    if path.exists() and not resume:
        raise ValueError(
            f"fit: there is a checkpoint in {folder} already: give resume=True to go on from it, or another folder."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 1):
            raise ValueError(f"fit: `{name}` must be a whole number, at least 1, got {value!r}.")
