"""Errors of steppers with noise, along given Brownian paths."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array

from .._interfaces import AbstractNoiseStepper
from ..steppers import RK4


def strong_errors(
    stepper: AbstractNoiseStepper,
    field: Any,
    y0: Any,
    t1: float,
    counts: list[int],
    *,
    size: int = 200,
    finer: int = 16,
) -> np.ndarray:
    """Root mean squares over paths of the errors at the end, relative to how far each variable has moved.

    **Arguments:**

    - `counts`: numbers of steps, the last a multiple of all.
    - `size`: the number of paths.
    - `finer`: how many parts of a path there are in the shortest step.

    **Returns:** `[counts, variables]`.
    """
    fine = counts[-1] * finer
    y0 = jtu.tree_map(lambda x: jnp.broadcast_to(jnp.asarray(x, float), (size,)), y0)
    rng = np.random.default_rng(0)
    # A path for each variable, [fine + 1, paths]: its values at the ends of the fine steps.
    paths = [
        None if g is None else jnp.asarray(_path(rng.normal(size=(fine, size)), t1)) for g in stepper.diffusion(0.0, y0)
    ]
    ends = _ends(stepper, field, y0, t1, paths, counts, fine)
    exact = _reference(stepper, field, y0, t1, paths, fine)
    rms = lambda x: np.sqrt(np.mean(x**2, axis=-1))
    moved = rms(exact - np.stack([np.asarray(x) for x in jtu.tree_leaves(y0)]))
    scale = np.where(moved > 0.0, moved, 1.0)
    return np.stack([rms(end - exact) / scale for end in ends])


def _path(normal: np.ndarray, t1: float) -> np.ndarray:
    return np.concatenate([np.zeros((1, normal.shape[1])), np.cumsum(normal, axis=0)]) * np.sqrt(t1 / len(normal))


def _ends(
    stepper: AbstractNoiseStepper,
    field: Any,
    y0: Any,
    t1: float,
    paths: list[Array | None],
    counts: list[int],
    fine: int,
) -> list[np.ndarray]:
    """Of each number of steps the solutions at the end, `[variables, paths]`."""

    # One program for all: a step of h is a step of 1 in which everything happens h times as fast, and in which a Brownian
    # motion moves as far as its increment divided by the square root of h.
    @jax.jit
    def end(n: Array) -> Array:
        h, stride = t1 / n.astype(float), fine // n
        scaled = lambda t, y, args: jtu.tree_map(lambda rate: h * rate, field(t * h, y))
        sigma: Any = stepper.sigma
        if callable(sigma):
            size: Any = lambda t, y: jtu.tree_map(lambda g: jnp.sqrt(h) * g, sigma(t * h, y))
        else:
            size = jnp.sqrt(h) * sigma
        method = eqx.tree_at(lambda s: s.sigma, stepper, size)

        def step(i: Array, y: Any) -> Any:
            between = lambda path: (path[(i + 1) * stride] - path[i * stride]) / jnp.sqrt(h)
            dw = [None if path is None else between(path) for path in paths]
            return method.advance(scaled, i.astype(float), 1.0, y, None, dw)

        return jnp.stack(jtu.tree_leaves(lax.fori_loop(0, n, step, y0)))

    return [np.asarray(end(jnp.asarray(n))) for n in counts]


def _reference(
    stepper: AbstractNoiseStepper, field: Any, y0: Any, t1: float, paths: list[Array | None], steps: int
) -> np.ndarray:
    """The ordinary equations that are driven by the slopes of the paths: their limit is the integral of Stratonovich."""
    h = t1 / steps

    def rates(t: Any, y: Any, slopes: list[Array | None]) -> Any:
        leaves, treedef = jtu.tree_flatten(y)
        f = jtu.tree_leaves(field(t, y))
        for i, slope in enumerate(slopes):
            if slope is None:
                continue
            g, growth = jax.jvp(
                lambda x, i=i: stepper.diffusion(t, treedef.unflatten([*leaves[:i], x, *leaves[i + 1 :]]))[i] + 0.0 * x,
                (leaves[i],),
                (jnp.ones_like(leaves[i]),),
            )
            f[i] = f[i] + g * slope - (0.5 * g * growth if stepper.is_ito else 0.0)
        return treedef.unflatten(f)

    @jax.jit
    def end(paths: list[Array | None]) -> Array:
        def step(y: Any, at: tuple[Array, list[Array | None]]) -> tuple[Any, None]:
            i, slopes = at
            return RK4()(rates, i * h, h, y, slopes), None

        slopes = [None if path is None else jnp.diff(path, axis=0) / h for path in paths]
        return jnp.stack(jtu.tree_leaves(lax.scan(step, y0, (jnp.arange(steps, dtype=float), slopes))[0]))

    return np.asarray(end(paths))
