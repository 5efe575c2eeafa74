"""What of a model runs as native code."""

import collections
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from . import fuse
from ._interfaces import AbstractDynamics
from ._loop import is_input, Run
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


def explain(model: AbstractDynamics, dt: float = 0.1, inputs: Any = None, *, key: Key | None = None) -> Explanation:
    """Whether the steps of `simulate(model, ..., dt, inputs)` run as native code on CPU, what they are, and if not, why.

    **Arguments:**

    - `model`, `dt`, `inputs`: as in `simulate`.
    - `key`: if given, as for runs with one. Random numbers are drawn by XLA.

    **Returns:** an `Explanation`, which is a text when printed.
    """
    inputs = jtu.tree_map(lambda x: x if is_input(x) else jnp.asarray(x, dtype=float), inputs, is_leaf=is_input)
    run = Run(model, inputs, (), jnp.zeros((), jnp.int32), key, dt, True)
    state = model.init(dt=dt, key=jax.random.key(0))
    arrays, static = eqx.partition(state, eqx.is_array)

    def step(carry: Any) -> Any:
        s, state = carry
        state, output = run.step(eqx.combine(state, static), s, run.inputs)
        return s + 1, eqx.filter(state, eqx.is_array), output

    return Explanation(*fuse.explain(step, (jnp.zeros((), jnp.int32), arrays)))
