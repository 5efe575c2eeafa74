"""What of a model runs as native code."""

import collections
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from . import fuse
from ._interfaces import AbstractDynamics
from ._loop import is_input, Run
from ._record import Recorder
from ._types import Key


class Explanation(eqx.Module):
    """What `explain` returns; printed, it is a text.

    - `loops`: of a native step, as (operations, length).
    - `calls`: the names of what else a native step does.
    - `kept`: what keeps the step in XLA, as (name, reason); empty if it is native.
    """

    loops: list[tuple[int, int]] = eqx.field(static=True)
    calls: list[str] = eqx.field(static=True)
    kept: list[tuple[str, str]] = eqx.field(static=True)

    def __repr__(self) -> str:
        if self.kept:
            lines = ["All steps run in XLA, because of:"]
            counts = collections.Counter(self.kept)
            lines += [f"  {name}" + (f", {n} times" if n > 1 else "") + f": {why}" for (name, why), n in counts.items()]
        else:
            lines = ["All steps run in one native call. A step is:"]
            lines += [f"  a loop of {n} operations over {size} numbers" for n, size in self.loops]
            counts = collections.Counter(self.calls)
            lines += [f"  {name}" + (f", {n} times" if n > 1 else "") for name, n in counts.items()]
        return "\n".join(lines)


def explain(
    model: AbstractDynamics,
    dt: float = 0.1,
    inputs: Any = None,
    *,
    record: Mapping[str, Recorder] | None = None,
    key: Key | None = None,
) -> Explanation:
    """Whether the steps of `simulate(model, ..., dt, inputs)` run as native code on CPU, what they are, and if not, why.

    **Arguments:**

    - `model`, `dt`, `inputs`, `record`: as in `simulate`.
    - `key`: if given, as for runs with one.

    **Returns:** an `Explanation`, which is a text when printed.
    """
    inputs = jtu.tree_map(lambda x: x if is_input(x) else jnp.asarray(x, dtype=float), inputs, is_leaf=is_input)
    recorders = () if record is None else tuple(record.values())
    run = Run(model, inputs, recorders, jnp.zeros((), jnp.int32), key, dt, True)
    arrays, static = eqx.partition(model.init(dt=dt, key=jax.random.key(0)), eqx.is_array)

    def step(carry: Any) -> Any:
        s, arrays, _ = carry
        state, output = run.step(eqx.combine(arrays, static), s, run.inputs)
        return s + 1, eqx.filter(state, eqx.is_array), run.record(state, output)

    start = jnp.zeros((), jnp.int32)
    recorded = jax.eval_shape(lambda: step((start, arrays, None))[2])
    return Explanation(*fuse.explain(step, (start, arrays, [jnp.zeros(x.shape, x.dtype) for x in recorded])))
