"""Brian2, standalone C++ on one thread: `python brian2_coba.py --model coba_lif --scale 4`.

The time is Brian2's own, that of its network loop: compiling and building the synapses are outside it.
"""

import tempfile

from peer import arguments, draw, repeat, report


_LIF = """
dv/dt = (-60 - v + ge * (0 - v) + gi * (-80 - v) + 20) / (20 * ms) : 1 (unless refractory)
dge/dt = -ge / (5 * ms) : 1
dgi/dt = -gi / (10 * ms) : 1
"""

# mV, nS and pF as plain numbers: nS mV / pF = mV / ms.
_HH = """
dv/dt = (10 * (-60 - v) + 20000 * m**3 * h * (50 - v) + 6000 * n**4 * (-90 - v)
         + ge * (0 - v) + gi * (-80 - v)) / 200 / ms : 1
dm/dt = (alpha_m * (1 - m) - beta_m * m) / ms : 1
dh/dt = (alpha_h * (1 - h) - beta_h * h) / ms : 1
dn/dt = (alpha_n * (1 - n) - beta_n * n) / ms : 1
dge/dt = -ge / (5 * ms) : 1
dgi/dt = -gi / (10 * ms) : 1
u = v + 63 : 1
alpha_m = 0.32 * 4 / exprel((13 - u) / 4) : 1
beta_m = 0.28 * 5 / exprel((u - 40) / 5) : 1
alpha_h = 0.128 * exp((17 - u) / 18) : 1
beta_h = 4 / (1 + exp((40 - u) / 5)) : 1
alpha_n = 0.032 * 5 / exprel((15 - u) / 5) : 1
beta_n = 0.5 * exp((10 - u) / 40) : 1
"""


def _main() -> None:
    args = arguments("brian2", precision=("float64", "float32"), method=("euler", "exp"))
    import brian2 as b  # pyright: ignore[reportMissingImports]
    import numpy as np

    lif = args.model == "coba_lif"
    method = "euler" if lif and args.method == "euler" else "exponential_euler"
    network = draw(args)
    b.set_device("cpp_standalone", build_on_run=False)
    b.prefs.core.default_float_dtype = getattr(np, args.precision)
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.defaultclock.dt = 0.1 * b.ms
    if lif:
        cells = b.NeuronGroup(
            network.n, _LIF, threshold="v >= -50", reset="v = -60", refractory=5 * b.ms, method=method
        )
    else:
        # Refractory for as long as it is above: one spike for every upward crossing.
        cells = b.NeuronGroup(network.n, _HH, threshold="v >= -20", refractory="v >= -20", method=method)
        cells.ge, cells.gi = network.ge0, network.gi0
    cells.v = network.v0
    sources, split = network.sources, network.indptr[network.n_exc]
    # A name for each: left to Python, they would be collected before the run.
    exc = b.Synapses(cells, cells, on_pre=f"ge += {network.w_exc!r}")
    exc.connect(i=sources[:split], j=network.indices[:split])
    inh = b.Synapses(cells, cells, on_pre=f"gi += {network.w_inh!r}")
    inh.connect(i=sources[split:], j=network.indices[split:])
    counter = b.SpikeMonitor(cells, record=False)
    model = b.Network(cells, exc, inh, counter)
    model.run(args.steps * b.defaultclock.dt)
    with tempfile.TemporaryDirectory() as folder:
        b.device.build(directory=folder, compile=True, run=False, debug=False)

        def run() -> float:
            b.device.run(with_output=False)
            return b.device._last_run_time

        seconds = repeat(args.repeats, run)
        counts = np.array(counter.count)
    report(
        "brian2",
        b.__version__,
        args,
        network,
        method=method,
        precision=args.precision,
        seconds=seconds,
        spikes=counts.sum(),
        counts=counts,
    )


if __name__ == "__main__":
    _main()
