"""What does a gradient through a layer of neurons take, with fused scans and with `lax.scan`?

The loss is of the spikes of all steps; the gradient is by the parameters of the cells and by what they are given. Times are of
value and gradient, the best of some runs in turns; memory is what XLA reserves beside operands and results.

    python benchmarks/scan_gradients.py --threads 1
"""

import argparse
import json
import os
import time


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cases", nargs="+", help="some of them; all by default")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--repeats", type=int, default=10)
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def main(args: argparse.Namespace) -> None:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import neuroeqx as nex
    from jax import lax
    from neuroeqx import fuse

    class AdEx(eqx.Module):
        """A user's own, by forward Euler."""

        a: jax.Array = eqx.field(default_factory=lambda: jnp.asarray(0.1))
        tau: jax.Array = eqx.field(default_factory=lambda: jnp.asarray(20.0))

        def init(self, shape):
            return jnp.full(shape, -50.0), jnp.zeros(shape)

        def step(self, state, current, *, dt, t):
            v, w = state
            slope = 2.0 * jnp.exp(jnp.minimum((v + 50.0) / 2.0, 8.0))
            v, w = v + dt * (-65.0 - v + slope + current(v) - w) / self.tau, w + dt * (self.a * (v + 65.0) - w) / 100.0
            fired = nex.SuperSpike(1.0)(v + 40.0)
            return (v - fired * (v + 60.0), w + 3.0 * fired), fired

    lif = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0, surrogate=nex.SuperSpike(1.0))
    euler = nex.LIF(
        tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0, surrogate=nex.SuperSpike(1.0), stepper=nex.Euler()
    )
    cases = {  # a cell, the shape of a layer, steps, the drive
        "LIF, exponential Euler": (lif, (32_768,), 100, 30.0),
        "LIF, Euler": (euler, (32_768,), 100, 30.0),
        "LIF, refractory": (nex.Refractory(lif, 2.0), (32_768,), 100, 30.0),
        "LIF, batch of 64": (lif, (64, 256), 200, 30.0),
        "Traub-Miles": (nex.TraubMiles(), (10_000,), 100, 500.0),
        "a user's AdEx": (AdEx(), (10_000,), 100, 60.0),
    }

    def best_ms(compiled, operands) -> float:
        times = []
        for _ in range(args.repeats):
            began = time.perf_counter()
            jax.block_until_ready(compiled(*operands))
            times.append(time.perf_counter() - began)
        return min(times) * 1e3

    def compare(cell, shape, steps, most) -> dict:
        currents = jr.uniform(jr.key(0), (steps, *shape), minval=0.5 * most, maxval=1.5 * most)
        parameters, static = eqx.partition(cell, eqx.is_inexact_array)

        def loss(scan, parameters, currents):
            own = eqx.combine(parameters, static)

            def layer(currents):
                step = lambda state, x: own.step(state, lambda v: x, dt=0.1, t=0.0)
                return scan(step, own.init(shape[-1:]), currents)[1]

            spikes = layer(currents) if len(shape) == 1 else jax.vmap(layer, 1, 1)(currents)
            return jnp.sum(jnp.mean(spikes, 0) ** 2)

        made, line = {}, {}
        for towards, places in (("drive", 1), ("parameters", 0), ("both", (0, 1))):
            for form, scan in (("native", fuse.scan), ("xla", lax.scan)):
                function = jax.value_and_grad(lambda *xs, scan=scan: loss(scan, *xs), argnums=places)
                made[towards, form] = jax.jit(function).lower(parameters, currents).compile()
            times = {form: [] for form in ("native", "xla")}
            for _ in range(2):
                for form in times:
                    times[form].append(best_ms(made[towards, form], (parameters, currents)))
            memory = {f: made[towards, f].memory_analysis().temp_size_in_bytes / 2**20 for f in times}
            line[towards] = {form: [round(min(times[form]), 2), round(memory[form], 1)] for form in times}
        return line

    for name in args.cases or cases:
        print(json.dumps({"case": name, "ms, MB": compare(*cases[name])}), flush=True)


main(arguments())
