"""How fast is a balanced network of Hodgkin-Huxley neurons, compared with a hand-written loop of the same network?

The model is COBAHH of Brette et al. (2007): Traub-Miles cells, conductance synapses, exponential Euler for the voltage and
exact exponential gates. Both simulators run the same connections from the same voltages and conductances.

    python benchmarks/coba_hh.py --scale 4 --threads 1 --json
"""

import time

from _coba import arguments, csr, draw, fixed_or_bernoulli, report, timed


ARGS = arguments(str(__doc__).splitlines()[0], ("expeuler",))


def main() -> None:
    reference = draw(ARGS, "coba_hh")
    library = draw(ARGS, "coba_hh", exp="library")

    import equinox as eqx
    import jax.numpy as jnp
    import jax.random as jr
    import neuroeqx as nex

    began = time.perf_counter()
    receptors = {
        "ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)),
        "gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0)),
    }
    n, n_exc = 4000 * ARGS.scale, 3200 * ARGS.scale
    by = ARGS.scale if ARGS.connectivity == "p02" else 1
    weights = {"ampa": 6.0 / by, "gaba": 67.0 / by}
    bounds = {"ampa": (0, n_exc), "gaba": (n_exc, n)}
    if reference is None:
        a, b, c = jr.split(jr.key(ARGS.seed + 1), 3)
        v0 = -65.0 + 5.0 * jr.normal(a, (n,))
        g = {
            "ampa": jnp.maximum(10.0 * (1.5 * jr.normal(b, (n,)) + 4.0), 0.0),
            "gaba": jnp.maximum(10.0 * (12.0 * jr.normal(c, (n,)) + 20.0), 0.0),
        }
        comms = {name: fixed_or_bernoulli(ARGS, weight) for name, weight in weights.items()}
    else:
        arrays = reference["network"]
        v0, g = arrays["v0"], {"ampa": jnp.asarray(arrays["ge0"]), "gaba": jnp.asarray(arrays["gi0"])}
        comms = {name: csr(arrays, n, bounds[name], weight) for name, weight in weights.items()}
    net = nex.Network(
        {"N": nex.Population(nex.TraubMiles(), n, receptors, v0=v0)},
        [nex.Projection(nex.part("N", *bounds[name]), "N", name, comms[name], delay=0.1) for name in weights],
        key=jr.key(ARGS.seed),
    )
    state = eqx.tree_at(lambda s: s.populations["N"].receptors, net.init(dt=0.1), g)
    built = time.perf_counter() - began
    result, _ = timed(net, state, None, ARGS)
    described = {
        "model": f"coba_hh {ARGS.connectivity}",
        "neurons": n,
        "synapses": sum(p.synapses for p in net.projections.values()),
        "dt_ms": 0.1,
        "duration_ms": ARGS.duration,
        "build_s": round(built, 3),
    }
    if library is not None:
        # With the vector mathematics library of the compiler; the reference takes its own exponentials, and fewer.
        result["ratio_to_library"] = round(result["us_per_step"] / library["us_per_step"], 2)
    report(described | result, reference, ARGS, "coba_hh")


main()
