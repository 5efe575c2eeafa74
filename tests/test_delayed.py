"""Delay differential equations against the method of steps, written out, and SciPy."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from scipy.integrate import solve_ivp


def feedback(t, tau=1.0):
    """x' = -x(t - tau) with a past of ones, piece by piece."""
    return sum((-1) ** k * (t - (k - 1) * tau) ** k / math.factorial(k) for k in range(int(t // tau) + 2))


def test_delayed_feedback(ledger, x64):
    """Delays that are multiples of dt and that are not, and the derivative by the delay."""

    times = np.array([-3.0, 0.3, 1.0, 1.77, 2.5, 4.1, 6.0])
    true = lambda tau: np.array([feedback(t, tau) for t in times[1:]])

    def solve(tau, dt):
        solution = nex.solve_delayed(lambda t, y, past, args: -past[0], 1.0, tau[None], 6.0, dt)
        return jax.vmap(solution)(jnp.asarray(times))

    run = eqx.filter_jit(solve)
    for tau, what in ((1.0, "x' = -x(t - 1) at any time"), (0.737, "x' = -x(t - 0.737) at any time")):
        found = run(jnp.asarray(tau), 0.01)
        assert found[0] == 1.0
        ledger("solve_delayed", "method of steps", what, np.abs(found[1:] - true(tau)).max(), 1e-8)
    tau = jnp.asarray(0.737)
    errors = [np.abs(run(tau, dt)[1:] - true(0.737)).max() for dt in (0.1, 0.05)]
    ledger("solve_delayed", "order 4", "order of convergence", abs(np.log2(errors[0] / errors[1]) - 4.0), 0.6)
    found = jax.jit(jax.jacrev(lambda tau: solve(tau, 0.05)[1:]))(tau)
    np.testing.assert_allclose(found, (true(0.737 + 1e-5) - true(0.737 - 1e-5)) / 2e-5, rtol=1e-5, atol=1e-6)


def test_times_that_are_one_but_for_rounding(x64):
    """Jumps at 1.22 ms and other multiples of dt: no polynomial of a step between the two times of one is asked far outside."""
    field = lambda t, y, past, args: 0.4 - y + jnp.stack([-1.5 * past[0][1], 0.8 * past[1][0]])
    even, odd = (nex.solve_delayed(field, jnp.zeros(2), [0.61, 1.37], 9.0, dt) for dt in (0.02, 0.019))
    np.testing.assert_allclose(even(9.0), odd(9.0), atol=1e-8)


def test_mackey_and_glass(ledger, x64):
    """x' = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x with a history that moves, a second, shorter delay, and a pytree."""
    delays = [17.0, 5.5]

    def truth(end):
        """Pieces of the length of the shorter delay, by SciPy, each of which knows all of the past."""
        pieces = []

        def past(t):
            if t <= 0.0:
                return 1.2 + 0.1 * np.sin(t)
            piece = pieces[min(int(t // 5.5), len(pieces) - 1)]
            return piece(t)[0]

        x = 1.2
        edges = np.unique([*np.arange(0.0, end, 5.5), *(17.0 * i + 5.5 * j for i in range(4) for j in range(4)), end])
        edges = edges[edges <= end]
        found = []
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            field = lambda t, x: [
                0.2 * past(t - 17.0) / (1.0 + past(t - 17.0) ** 10) - 0.1 * x[0] - 0.02 * past(t - 5.5)
            ]
            solution = solve_ivp(field, (a, b), [x], method="DOP853", rtol=1e-10, atol=1e-10, dense_output=True)
            found.append((a, b, solution.sol))
            x = solution.y[0, -1]
            pieces.append(None)
            pieces[:] = [lambda t: next(s for a, b, s in found if t <= b)(t)] * len(pieces)
        return x

    def field(t, y, past, args):
        far, near = past[0]["x"], past[1]["x"]
        return {"x": 0.2 * far / (1.0 + far**10) - 0.1 * y["x"] - args * near}

    history = lambda t: {"x": 1.2 + 0.1 * jnp.sin(t)}
    solve = lambda args: nex.solve_delayed(field, history, delays, 60.0, 0.1, args=args)(60.0)["x"]
    error = abs(float(jax.jit(solve)(jnp.asarray(0.02))) - truth(60.0))
    ledger("solve_delayed", "SciPy DOP853, piece by piece", "Mackey-Glass with two delays at 60 ms", error, 1e-7)


@pytest.mark.parametrize(
    ("delays", "dt", "t1", "message"),
    [
        ([0.05], 0.1, 1.0, "must not be shorter than `dt`"),
        ([], 0.1, 1.0, "vector of 1 to 8"),
        ([1.0], 0.1, -1.0, "`t1` after `t0`"),
    ],
)
def test_errors_name_the_argument(delays, dt, t1, message):
    with pytest.raises(ValueError, match=message):
        nex.solve_delayed(lambda t, y, past, args: -past[0], 1.0, delays, t1, dt)
