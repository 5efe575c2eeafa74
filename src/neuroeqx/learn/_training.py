"""Training as it goes on: epochs in stretches, evaluations, the choice of a model, checkpoints."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ._batches import Batches, take
from ._checkpoint import read, write
from ._choice import Choice
from ._program import advance, Carry, evaluate, Stretch, Sums, Task
from ._progress import Progress


# How long a stretch of steps should take, s: after each the host looks up, for the display and for Ctrl-C.
_SHORT, _LONG = 0.25, 1.0


class Saved(NamedTuple):
    """The tree in a checkpoint, in the order in which differences are looked for."""

    plan: dict[str, Any]
    model: Any
    opt_state: Any
    state: tuple[Any, ...]
    chosen: Any
    records: dict[str, Any]


class Training:
    """A run of `fit`, and how far it has come.

    - `steps`: of the records of each step, for every finished epoch an array.
    - `epochs`: for each quantity a list with an entry for each finished epoch.
    - `epoch`, `index`: the place in the data, of the next batch.
    """

    def __init__(
        self,
        task: Task,
        carry: Carry,
        sums: Sums | None,
        batches: Batches,
        validation: Batches | None,
        choice: Choice | None,
    ):
        self.task, self.batches, self.validation, self.choice = task, batches, validation, choice
        self.carry, self.sums = copied(carry), sums
        # Until an evaluation finds a better one.
        self.chosen = None if validation is None else copied(carry.trained)
        self.chosen_epoch: int | None = None
        self.best: float | None = None
        self.steps: dict[str, list[np.ndarray]] = {name: [] for name in carry.records}
        self.epochs: dict[str, list[Any]] = {}
        self.epoch = self.index = 0
        self.pace = 1
        self.form: Any = None

    @property
    def model(self) -> Any:
        return eqx.combine(self.carry.trained, self.task.fixed)

    def finish_epoch(self, progress: Progress, path: Path | None, every: int | None) -> None:
        """Go on to the end of the epoch, evaluate, and keep what there is to keep."""
        order = self.batches.order(self.epoch)
        samples = None if self.task.data is None else jnp.asarray(order, jnp.int32)
        while self.index < self.batches.per_epoch:
            stop = min(self.index + self.pace, self.batches.per_epoch)
            if every is not None:
                done = self.epoch * self.batches.per_epoch + self.index
                stop = min(stop, self.index + every - done % every)
            began = time.perf_counter()
            jax.block_until_ready(self._go(order, samples, stop))
            took = time.perf_counter() - began
            self.pace = 2 * self.pace if took < _SHORT else max(self.pace // 2, 1) if took > _LONG else self.pace
            self.index = stop
            progress.step(self.epoch, stop)
            done = self.epoch * self.batches.per_epoch + stop
            if path is not None and every is not None and done % every == 0 and stop < self.batches.per_epoch:
                self.save(path)
        self._close_epoch()
        progress.epoch(self.epoch - 1, {name: x[-1] for name, x in self.epochs.items() if isinstance(x[-1], float)})
        if path is not None:
            self.save(path)

    def _go(self, order: np.ndarray, samples: Any, stop: int) -> Any:
        """Steps up to `stop`. Nothing waits for their results."""
        first = np.asarray(self.epoch * self.batches.per_epoch, np.int32)
        if samples is not None:
            stretch = Stretch(np.asarray(self.index, np.int32), np.asarray(stop, np.int32), first, order=samples)
            self.carry, done = advance((self.task, stretch), self.carry)
            return done
        done = None
        for i in range(self.index, stop):
            batch = self._checked(take(self.batches.data, order[i]))
            stretch = Stretch(np.asarray(i, np.int32), np.asarray(i + 1, np.int32), first, batch=batch)
            self.carry, done = advance((self.task, stretch), self.carry)
        return done

    def _checked(self, batch: Any) -> Any:
        """A batch, of the form of the first one: another form would be another program."""
        form = jtu.tree_structure(batch), [(x.shape, x.dtype) for x in jtu.tree_leaves(batch)]
        if self.form is None:
            self.form = form
        if form != self.form:
            raise ValueError(
                f"fit: the batches of `data` must all have the same form, for the program is compiled for one. The first was "
                f"{self.form}, one is {form}: pad its arrays to one shape."
            )
        return batch

    def _close_epoch(self) -> None:
        found = {name: np.asarray(x) for name, x in self.carry.records.items()}
        # Copied: the memory is taken over by the next step.
        self.steps = {name: [*self.steps[name], x.copy()] for name, x in found.items()}
        means = {name: float(x.mean(dtype=np.float64)) for name, x in found.items()}
        measured = {} if self.validation is None else self._evaluate(self.validation)
        for name, x in (means | {f"validation {name}": x for name, x in measured.items()}).items():
            self.epochs.setdefault(name, []).append(x)
        if self.choice is not None and self.choice.is_better(measured[self.choice.name], self.best):
            self.best, self.chosen_epoch, self.chosen = (
                measured[self.choice.name],
                self.epoch,
                copied(self.carry.trained),
            )
        self.epoch, self.index = self.epoch + 1, 0

    def _evaluate(self, validation: Batches) -> dict[str, Any]:
        """Of the validation data: the means of the loss and its aux over full batches, of metrics over samples."""
        size, batch = np.asarray(validation.size, np.int32), validation.batch
        count = -(-validation.size // batch)
        # The last batch is filled up with the last sample, which does not count there.
        order = np.minimum(np.arange(count * batch), validation.size - 1).reshape(count, batch)
        zero, sums = np.zeros((), np.int32), self.sums
        assert sums is not None
        if self.task.validation is not None:
            stretch = Stretch(zero, np.asarray(count, np.int32), zero, order=jnp.asarray(order, jnp.int32))
            sums = evaluate(self.task, stretch, size, self.carry, sums)
        else:
            for i in range(count):
                stretch = Stretch(
                    np.asarray(i, np.int32), np.asarray(i + 1, np.int32), zero, batch=take(validation.data, order[i])
                )
                sums = evaluate(self.task, stretch, size, self.carry, sums)
        sums = jax.device_get(sums)
        means = {name: x / validation.per_epoch for name, x in sums.losses.items()}
        means |= {name: x / validation.size for name, x in sums.metrics.items()}
        # Lists, so that they can be written as JSON.
        return {name: np.asarray(x, np.float64).tolist() for name, x in means.items()}

    def has_stalled(self, patience: int | None) -> bool:
        """Whether there were `patience` epochs since the best one (or the beginning, if none was any good)."""
        last_good = -1 if self.chosen_epoch is None else self.chosen_epoch
        return patience is not None and self.epoch - 1 - last_good >= patience

    def saved(self) -> Saved:
        plan: dict[str, Any] = {
            "samples": self.batches.size,
            "batch": self.batches.batch,
            "order": self.batches.seed,
            "validation samples": None if self.validation is None else self.validation.size,
            "choose": None if self.choice is None else f"{'max' if self.choice.more else 'min'} {self.choice.name}",
        }
        return Saved(plan, self.model, self.carry.opt_state, self.carry.state, self.chosen, self.carry.records)

    def save(self, path: Path) -> None:
        notes = {
            "epoch": self.epoch,
            "index": self.index,
            "epochs": self.epochs,
            "best": self.best,
            "chosen_epoch": self.chosen_epoch,
        }
        write(path, self.saved(), notes, self._finished())

    def _finished(self) -> dict[str, np.ndarray]:
        none = {name: np.zeros(0, x.dtype) for name, x in self.carry.records.items()}
        return {name: np.concatenate([none[name], *parts]) for name, parts in self.steps.items()}

    def history(self) -> dict[str, np.ndarray]:
        """The records of all steps, those of an epoch that is not finished included."""
        rest = {name: np.asarray(x)[: self.index] for name, x in self.carry.records.items()}
        return {name: np.concatenate([x, rest[name]]) for name, x in self._finished().items()}

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        tree, notes, steps = read(path, self.saved())
        trained = eqx.filter(tree.model, self.task.trained)
        self.task = eqx.tree_at(lambda t: t.fixed, self.task, eqx.filter(tree.model, self.task.trained, inverse=True))
        self.carry = copied(Carry(trained, tree.opt_state, tree.state, tree.records))
        self.chosen, self.chosen_epoch, self.best = tree.chosen, notes["chosen_epoch"], notes["best"]
        self.steps = {name: [x] for name, x in steps.items()}
        self.epochs, self.epoch, self.index = notes["epochs"], notes["epoch"], notes["index"]


@eqx.filter_jit
def copied(tree: Any) -> Any:
    """With arrays of its own, strongly typed: a program may take over their memory, and its results have such types."""
    return jtu.tree_map(lambda x: jnp.array(x, x.dtype) if eqx.is_array(x) else x, tree)
