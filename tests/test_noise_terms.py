"""Cells with noise through diffrax, against closed forms of stochastic processes."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


def test_an_ornstein_uhlenbeck_process(ledger, x64):
    """A graded cell with noise: mean, variance and autocorrelation, standard errors of which say how near they must be."""
    tau, sigma, n = 5.0, 0.4, 1000
    cell, y0 = nex.Graded(tau, 0.0), jnp.full(n, 2.0)
    terms = nex.noise_terms(cell, y0, sigma, 40.0, current=1.0, tol=0.1, key=jr.key(1))
    saveat = diffrax.SaveAt(ts=jnp.array([4.0, 30.0, 36.0]))
    solve = eqx.filter_jit(
        lambda terms: diffrax.diffeqsolve(terms, diffrax.Heun(), 0.0, 40.0, 0.25, y0, saveat=saveat).ys
    )
    early, one, two = np.asarray(solve(terms))
    mean, variance = 1.0 + np.exp(-4.0 / tau), sigma**2 * tau / 2.0
    spread = np.sqrt(variance * (1.0 - np.exp(-8.0 / tau)))
    law = "closed form of an Ornstein-Uhlenbeck process"
    ledger("noise_terms", law, "mean, standard errors", abs(early.mean() - mean) / spread * np.sqrt(n), 3.3)
    ledger("noise_terms", law, "variance, standard errors", abs(one.var() / variance - 1.0) * np.sqrt(n / 2.0), 3.3)
    r = np.corrcoef(one, two)[0, 1]
    rho = np.exp(-6.0 / tau)
    ledger("noise_terms", law, "autocorrelation, standard errors", abs(r - rho) / (1.0 - rho**2) * np.sqrt(n), 3.3)


class Growth(nex.AbstractGradedCell):
    """dx/dt = a x + I."""

    a: float = 0.3
    stepper: nex.AbstractStepper = nex.Euler()

    def init(self, shape, *, key=None):
        return jnp.ones(shape)

    def vector_field(self, t, y, current):
        return self.a * y + current(y)

    def output(self, y):
        return y


def test_geometric_brownian_motion_along_given_paths(ledger, x64):
    """x = exp((a - s^2 / 2) t + s W) in the sense of Ito, exp(a t + s W) in that of Stratonovich, of the same path; strong
    orders."""
    s, n, end = 0.5, 200, 2.0
    cell, y0 = Growth(), Growth().init((n,))
    noise = lambda t, y: s * y
    terms = nex.noise_terms(cell, y0, noise, end, tol=5e-3, key=jr.key(2))
    w = np.asarray(terms.terms[1].control.evaluate(0.0, end))

    @eqx.filter_jit
    def run(solver, dt):
        return diffrax.diffeqsolve(terms, solver, 0.0, end, dt, y0).ys[-1]

    ito, stratonovich = np.exp((0.3 - s**2 / 2.0) * end + s * w), np.exp(0.3 * end + s * w)
    for solver, true, order in (
        (diffrax.ItoMilstein(), ito, 1.0),
        (diffrax.Heun(), stratonovich, 1.0),
    ):
        errors = [np.sqrt(np.mean((np.asarray(run(solver, jnp.asarray(dt))) - true) ** 2)) for dt in (0.2, 0.0125)]
        what = f"geometric Brownian motion by diffrax.{type(solver).__name__}, order"
        ledger("noise_terms", f"strong order {order}", what, abs(np.log2(errors[0] / errors[1]) / 4.0 - order), 0.2)


def test_errors_name_the_argument():
    with pytest.raises(TypeError, match="`cell` must be a cell with a vector field"):
        nex.noise_terms(nex.Expon(5.0), jnp.zeros(2), 0.1, 1.0, key=jr.key(0))
    with pytest.raises(ValueError, match="`t1` must come after"):
        nex.noise_terms(nex.Graded(), jnp.zeros(2), 0.1, -1.0, key=jr.key(0))
