"""The periods of a trial, one after the other, in steps."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def steps_of(owner: str, name: str, duration: float, dt: float) -> int:
    """A duration in steps: a `ValueError` unless it is a multiple of dt, not negative."""
    if not dt > 0.0:
        raise ValueError(f"{owner}: `dt` must be positive, in ms, got {dt!r}.")
    steps = round(duration / dt)
    if duration < 0.0 or abs(duration / dt - steps) > 1e-6 * max(steps, 1):
        raise ValueError(f"{owner}: `{name}` must be a multiple of dt = {dt:g} ms, not negative, got {duration:g} ms.")
    return steps


class Periods:
    """When each period of a trial is. The last one must be there, for it is when the answer counts."""

    def __init__(self, owner: str, dt: float, durations: dict[str, float]):
        self.ends: dict[str, tuple[int, int]] = {}
        self.steps, start, name, duration = 0, 0, "", 0.0
        for name, duration in durations.items():
            start, self.steps = self.steps, self.steps + steps_of(owner, name, duration, dt)
            self.ends[name] = start, self.steps
        if start == self.steps:
            raise ValueError(
                f"{owner}: `{name}`, when the answer counts, must last a step at least, got {duration:g} ms."
            )

    def during(self, *names: str) -> Bool[Array, " steps"]:
        """Whether each step is in one of these periods."""
        now = jnp.arange(self.steps)
        inside = jnp.zeros(self.steps, bool)
        for name in names:
            start, stop = self.ends[name]
            inside = inside | ((now >= start) & (now < stop))
        return inside

    def on(self, *names: str) -> Float[Array, " steps"]:
        """The same as numbers, 1 and 0."""
        return self.during(*names).astype(float)
