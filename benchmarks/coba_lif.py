"""How fast is a balanced network of LIF neurons, compared with a hand-written loop of the same network?

The model is COBA of Brette et al. (2007) with a constant drive of 20 mV. Both simulators run the same connections from the
same voltages; the C++ loop (`reference/`) does the work of a correct step and nothing else.

    python benchmarks/coba_lif.py --scale 4 --threads 1 --json
"""

import time

from _coba import arguments, csr, draw, fixed_or_bernoulli, report, timed


ARGS = arguments(str(__doc__).splitlines()[0], ("euler", "expeuler"))


def main() -> None:
    reference = draw(ARGS, "coba_lif", method="euler" if ARGS.stepper == "euler" else "exp")

    import jax.random as jr
    import neuroeqx as nex

    began = time.perf_counter()
    stepper = nex.Euler() if ARGS.stepper == "euler" else nex.ExpEuler()
    cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0, stepper=stepper), 5.0)
    receptors = {
        "ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)),
        "gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0)),
    }
    n, n_exc = 4000 * ARGS.scale, 3200 * ARGS.scale
    by = ARGS.scale if ARGS.connectivity == "p02" else 1
    weights = {"ampa": 0.6 / by, "gaba": 6.7 / by}
    bounds = {"ampa": (0, n_exc), "gaba": (n_exc, n)}
    if reference is None:
        v0 = lambda key, shape: -55.0 + 2.0 * jr.normal(key, shape)
        comms = {name: fixed_or_bernoulli(ARGS, weight) for name, weight in weights.items()}
    else:
        v0 = reference["network"]["v0"]
        comms = {name: csr(reference["network"], n, bounds[name], weight) for name, weight in weights.items()}
    net = nex.Network(
        {"N": nex.Population(cell, n, receptors, v0=v0)},
        [nex.Projection(nex.part("N", *bounds[name]), "N", name, comms[name], delay=0.1) for name in weights],
        key=jr.key(ARGS.seed),
    )
    state = net.init(dt=0.1, key=jr.key(ARGS.seed))
    built = time.perf_counter() - began
    result, _ = timed(net, state, {"N": 20.0}, ARGS)
    described = {
        "model": f"coba_lif {ARGS.connectivity} {ARGS.stepper}",
        "neurons": n,
        "synapses": sum(p.synapses for p in net.projections.values()),
        "dt_ms": 0.1,
        "duration_ms": ARGS.duration,
        "build_s": round(built, 3),
    }
    report(described | result, reference, ARGS, "coba_lif")


main()
