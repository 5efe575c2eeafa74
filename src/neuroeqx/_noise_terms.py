"""Cells with noise as terms of diffrax."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
from jaxtyping import Array

from ._current import as_current
from ._fields import as_parameter
from ._interfaces import AbstractGradedCell, AbstractNeuron
from ._types import Key, Y
from ._voltage import voltage


class _Drift(eqx.Module):
    cell: AbstractNeuron | AbstractGradedCell
    current: Any

    def __call__(self, t: Any, y: Y, args: Any) -> Y:
        now = self.current(t) if callable(self.current) else self.current
        return self.cell.vector_field(t, y, as_current(now))


class _Diffusion(eqx.Module):
    sigma: Array | Callable[..., Any]

    def __call__(self, t: Any, y: Y, args: Any) -> lx.AbstractLinearOperator:
        g = self.sigma(t, y) if callable(self.sigma) else self.sigma
        leaves, tree = jtu.tree_flatten(y)
        if eqx.is_array(g):
            v = voltage(y)
            given = [g if leaf is v else None for leaf in leaves]
            if given.count(None) == len(given):
                raise TypeError(
                    f"noise_terms: the voltage of {type(y).__name__} is not a field of its own; let `sigma` be a function "
                    "(t, y) to amplitudes of all variables."
                )
        else:
            given = tree.flatten_up_to(g)
        spread = lambda g, x: jnp.zeros_like(x) if g is None else jnp.broadcast_to(g, x.shape)
        return lx.DiagonalLinearOperator(tree.unflatten([spread(*pair) for pair in zip(given, leaves, strict=True)]))


def noise_terms(
    cell: Any,
    y0: Y,
    sigma: Any,
    t1: float,
    *,
    current: Any = None,
    t0: float = 0.0,
    tol: float = 1e-3,
    key: Key,
) -> diffrax.MultiTerm:
    r"""The equations of a cell with noise, $dy_i = f_i\, dt + g_i\, dW_i$, as terms for `diffrax.diffeqsolve`, between spikes
    or without any:

    ```python
    cell, y0 = nex.MorrisLecar(), nex.MorrisLecar().init(())
    terms = nex.noise_terms(cell, y0, 0.5, 100.0, current=60.0, key=key)
    sol = diffrax.diffeqsolve(terms, diffrax.Heun(), 0.0, 100.0, 0.01, y0, saveat=diffrax.SaveAt(ts=ts))
    ```

    The Brownian path is a `diffrax.VirtualBrownianTree`, so one key gives one path for every solver and step: errors of methods
    can be compared along it, and steps may be controlled. The solver says which integral is meant: `diffrax.Euler()`,
    `EulerHeun()`, `ItoMilstein()`, `StratonovichMilstein()`, `Heun()`. A cell that is reset is not reset here;
    `stepper=EulerMaruyama(...)` (or `Milstein`, `StochasticHeun`) and `simulate` do that.

    **Arguments:**

    - `cell`: a neuron or a graded cell.
    - `y0`: a state, as `cell.init(shape)` makes it: how many there are.
    - `sigma`: g, in units of the variable per square root of ms: noise of the voltage; or a function `(t, y)` to a state like y
        of the amplitudes of all variables, `None` for those without noise. Each variable of each cell has noise of its own.
    - `t1`: the end of the path, ms.
    - `current`: a number or an array, or a function of time, ms, to one or to a function of the voltage.
    - `t0`: the beginning, ms.
    - `tol`: below this time the path is interpolated, ms; well below the steps.
    - `key`: of the path.
    """
    if not isinstance(cell, AbstractNeuron | AbstractGradedCell):
        raise TypeError(f"noise_terms: `cell` must be a cell with a vector field, got {type(cell).__name__}.")
    if not t1 > t0 or not tol > 0.0:
        raise ValueError(f"noise_terms: `t1` must come after `t0` and `tol` be positive, got {t1}, {t0} and {tol} ms.")
    shapes = jtu.tree_map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), y0)
    path = diffrax.VirtualBrownianTree(t0, t1, tol, shapes, key)
    given = current if callable(current) else as_parameter(0.0 if current is None else current)
    diffusion = _Diffusion(sigma if callable(sigma) else as_parameter(sigma))
    return diffrax.MultiTerm(diffrax.ODETerm(_Drift(cell, given)), diffrax.ControlTerm(diffusion, path))
