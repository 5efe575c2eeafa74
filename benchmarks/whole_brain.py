"""How long does a whole-brain model take, forwards and with a gradient?

Areas of a synthetic connectome with delays of tracts and noise, one minute of signal; the gradient is of the mean square of the
functional connectivity, towards all weights of tracts and the parameters of areas. The times are the best of some runs; the
first, which compiles, is not among them.

    python benchmarks/whole_brain.py --threads 1
    python benchmarks/whole_brain.py --models JansenRit Kuramoto --areas 90 --json
"""

import argparse
import json
import os
import time
from typing import Any


SPEED = 10.0  # mm/ms
MODELS = ("StuartLandau", "ReducedWongWang", "MontbrioPazoRoxin", "JansenRit", "WilsonCowan", "Kuramoto")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="all by default")
    parser.add_argument("--areas", type=int, default=76)
    parser.add_argument("--duration", type=float, default=60_000.0, help="ms of signal (60000)")
    parser.add_argument("--dt", type=float, default=1.0, help="ms (1)")
    parser.add_argument("--checkpoint", type=int, default=250, help="states kept for the gradient (250)")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each model and nothing else")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def network(name: str, areas: int, dt: float) -> Any:
    import jax.numpy as jnp
    import neuroeqx as nex

    noise = {
        "StuartLandau": {"x": 0.002, "y": 0.002},
        "MontbrioPazoRoxin": {"v": 0.05},
        "JansenRit": {"y4": 0.0065},
        "WilsonCowan": {"e": 0.002, "i": 0.002},
    }
    sigma: Any = nex.steppers.Amplitudes(**noise[name]) if name in noise else 0.001
    local: dict[str, Any] = {
        "StuartLandau": {"a": -0.02, "omega": 0.0628},
        "JansenRit": {"p": 0.12},
        "WilsonCowan": {"tau_e": 10.0, "tau_i": 10.0},
    }
    scale = {"StuartLandau": 0.01, "MontbrioPazoRoxin": 20.0, "JansenRit": 10.0, "Kuramoto": 0.02}
    cell = getattr(nex.rates, name)(**local.get(name, {}), stepper=nex.EulerMaruyama(sigma, nex.RK4()))
    c = nex.connect.synthetic_connectome(areas, seed=0)
    rule = nex.connect.tracts(c.weights * scale.get(name, 0.5), c.lengths, SPEED, dt)
    coupling = nex.rates.Sine() if name == "Kuramoto" else None
    receptors = {"in": nex.Receptor(nex.Instant(), nex.CUBA())}
    v0 = jnp.linspace(-3.0, 3.0, areas) if name == "Kuramoto" else None
    population = nex.Population(cell, areas, receptors, v0=v0)
    return nex.Network({"x": population}, [nex.Projection("x", "x", "in", rule, coupling=coupling)])


def best(run: Any, repeats: int) -> float:
    run()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return min(found)


def main(args: argparse.Namespace) -> None:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import neuroeqx as nex

    for name in args.models:
        net, key = network(name, args.areas, args.dt), jax.random.key(0)
        record = {"x": nex.output("x", every=10)}

        def forward(net: Any = net, record: Any = record, key: Any = key) -> Any:
            return nex.simulate(net, args.duration, args.dt, record=record, key=key).records["x"].values

        @eqx.filter_jit
        @eqx.filter_grad
        def gradient(net: Any, record: Any = record, key: Any = key) -> Any:
            x = nex.simulate(net, args.duration, args.dt, record=record, key=key, checkpoint=args.checkpoint)
            return jnp.mean(nex.measure.functional_connectivity(x.records["x"].values) ** 2)

        native = not nex.explain(net, args.dt, record=record, key=key).kept
        steps = args.duration / args.dt
        forward_s = best(forward, args.repeats)
        gradient_s = best(lambda net=net, gradient=gradient: jax.block_until_ready(gradient(net)), args.repeats)
        row = {
            "model": name,
            "areas": args.areas,
            "tracts": net.projections["x->x:in"].synapses,
            "steps": round(steps),
            "native": native,
            "forward_s": round(forward_s, 3),
            "gradient_s": round(gradient_s, 3),
            "forward_us_per_step": round(1e6 * forward_s / steps, 2),
            "gradient_us_per_step": round(1e6 * gradient_s / steps, 2),
        }
        if args.json:
            print(json.dumps(row), flush=True)
        else:
            print(
                f"{name:18} {row['steps']:,} steps   forwards {forward_s:7.3f} s ({row['forward_us_per_step']:6.2f} us a step)"
                f"   gradient {gradient_s:7.2f} s ({row['gradient_us_per_step']:7.2f} us a step)",
                flush=True,
            )


if __name__ == "__main__":
    main(arguments())
