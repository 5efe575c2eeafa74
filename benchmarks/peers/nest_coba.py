"""NEST on one thread: `python nest_coba.py --model coba_lif --scale 1 --steps 1000`.

NEST integrates both cells by an adaptive Runge-Kutta method in float64, so its numerical work is another. Its
Hodgkin-Huxley cell counts a spike at the peak of V, at most one in 2 ms; its conductances start at zero and receive
theirs as one event a cell in the second step.
"""

import contextlib
import os
import sys
import time

import numpy as np
from peer import arguments, draw, repeat, report


# mV, ms, nS, pF, pA. A leak of 10 nS turns the dimensionless LIF weights into nS.
_SYNAPSES = {"E_ex": 0.0, "E_in": -80.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "E_L": -60.0, "C_m": 200.0}
_LIF = {**_SYNAPSES, "g_L": 10.0, "V_reset": -60.0, "V_th": -50.0, "t_ref": 5.0, "I_e": 200.0}
_HH = {**_SYNAPSES, "g_L": 10.0, "g_Na": 20000.0, "g_K": 6000.0, "E_Na": 50.0, "E_K": -90.0, "V_T": -63.0, "t_ref": 2.0}


def _simulate(args, network) -> tuple[float, int]:
    """Build the network afresh and run it; the seconds of the run and its spikes."""
    import nest  # pyright: ignore[reportMissingImports]

    lif = args.model == "coba_lif"
    with contextlib.redirect_stdout(sys.stderr):
        nest.ResetKernel()
        nest.set(resolution=0.1, local_num_threads=1, print_time=False)
        cells = nest.Create("iaf_cond_exp" if lif else "hh_cond_exp_traub", network.n, params=_LIF if lif else _HH)
        cells.V_m = network.v0.tolist()
        if not lif:
            cells.set({"Act_m": 0.0, "Inact_h": 0.0, "Act_n": 0.0})
            kick = nest.Create("spike_generator", params={"spike_times": [0.1]})
            for weights in (network.ge0, -network.gi0):
                nest.Connect(kick, cells, syn_spec={"weight": weights[:, None], "delay": 0.1})
        first = cells[0].global_id
        sources, targets = network.sources + first, network.indices + first
        split = network.indptr[network.n_exc]
        unit = 10.0 if lif else 1.0
        for part, weight in ((slice(0, split), network.w_exc), (slice(split, None), -network.w_inh)):
            count = len(sources[part])
            synapse = {"weight": np.full(count, unit * weight), "delay": np.full(count, 0.1)}
            nest.Connect(sources[part], targets[part], conn_spec="one_to_one", syn_spec=synapse)
        nest.Prepare()
        start = time.perf_counter()
        nest.Run(args.steps * 0.1)
        seconds = time.perf_counter() - start
        spikes = nest.local_spike_counter
        nest.Cleanup()
    return seconds, spikes


def _main() -> None:
    args = arguments("nest")
    # NEST writes to the standard output from C++ too; only the report is to stay there.
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(sys.stderr):
        import nest  # pyright: ignore[reportMissingImports]
    network = draw(args)
    spikes = []

    def run() -> float:
        seconds, count = _simulate(args, network)
        spikes.append(count)
        return seconds

    report(
        "nest",
        nest.__version__,
        args,
        network,
        method="rkf45",
        precision="float64",
        seconds=repeat(args.repeats, run),
        spikes=spikes[0],
    )


if __name__ == "__main__":
    _main()
