"""BrainPy on the network of `../procedural_ei.py`: `python brainpy_procedural_ei.py --scale 250`. One thread.

Its event-driven product with connections that are drawn again at every use (`EventJitFPHomoLinear`, 80 targets on average),
compiled in one loop; compiling is outside the time. It needs numba for that product on a processor.
"""

import argparse
import json
import os
import resource
import time


os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

DT = 0.1


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--duration", type=float, default=100.0)
    parser.add_argument("--repeats", type=int, default=1)
    args = parser.parse_args()
    try:
        import brainpy as bp  # pyright: ignore[reportMissingImports]
        import brainpy.math as bm  # pyright: ignore[reportMissingImports]
    except ImportError:
        print(json.dumps({"peer": "brainpy", "available": False}))
        return
    import jax

    bm.set_dt(DT)
    bm.random.seed(0)
    n, n_exc = 4000 * args.scale, 3200 * args.scale

    class Balanced(bp.DynSysGroup):
        def __init__(self):
            super().__init__()
            self.cells = bp.dyn.LifRef(
                n, V_rest=-60.0, V_th=-50.0, V_reset=-60.0, tau=20.0, tau_ref=5.0, spk_dtype=bool
            )
            self.cells.V.value = bm.random.normal(-55.0, 2.0, n)
            self.g_e, self.g_i = bp.dyn.Expon(n, tau=5.0), bp.dyn.Expon(n, tau=10.0)
            self.exc = bp.dnn.EventJitFPHomoLinear(n_exc, n, prob=80 / n, weight=0.6, seed=1)
            self.inh = bp.dnn.EventJitFPHomoLinear(n - n_exc, n, prob=80 / n, weight=6.7, seed=2)

        def update(self):
            spikes = self.cells.spike.value
            g_e = self.g_e(self.exc(spikes[:n_exc]))
            g_i = self.g_i(self.inh(spikes[n_exc:]))
            V = self.cells.V.value
            self.cells(g_e * (0.0 - V) + g_i * (-80.0 - V) + 20.0)

    model = Balanced()
    state = model.vars().unique()
    start = {name: variable.value for name, variable in state.items()}
    total = bm.Variable(bm.zeros(n, dtype=bm.int32))
    steps = bm.arange(round(args.duration / DT))

    def counted(i):
        model.step_run(i)
        total.value += model.cells.spike.value.astype(bm.int32)

    timed = bm.jit(lambda: bm.for_loop(lambda i: model.step_run(i), steps, progress_bar=False))
    bm.for_loop(counted, steps, progress_bar=False)
    spikes = int(jax.device_get(total.value).sum())
    timed()
    runs = []
    for _ in range(args.repeats):
        for name, variable in state.items():
            variable.value = start[name]
        jax.block_until_ready([variable.value for variable in state.values()])
        begin = time.perf_counter()
        timed()
        jax.block_until_ready([variable.value for variable in state.values()])
        runs.append(time.perf_counter() - begin)
    result = {
        "peer": "brainpy",
        "version": bp.__version__,
        "available": True,
        "neurons": n,
        "duration_ms": args.duration,
        "run_s": round(min(runs), 4),
        "us_per_step": round(min(runs) / len(steps) * 1e6, 2),
        "rate_hz": round(spikes / n / args.duration * 1e3, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


_main()
