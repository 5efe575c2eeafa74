"""BrainPy on the processor, one thread: `python brainpy_coba.py --model coba_lif --scale 4`.

BrainPy's own cell, synapses and event-driven CSR product in one compiled loop; compiling is outside the time.
Exponential Euler of its `exp_auto` for all equations. It needs numba for its event-driven product on a processor.
"""

import os
import time


# Before JAX is imported: one thread for XLA (processor time then equals wall time) and one for numba.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

from peer import arguments, draw, DT, repeat, report  # noqa: E402


def _hodgkin_huxley(bp, bm):
    class TraubMiles(bp.dyn.NeuDyn):
        def __init__(self, size):
            super().__init__(size)
            self.V = bm.Variable(bm.zeros(size))
            self.m = bm.Variable(bm.zeros(size))
            self.h = bm.Variable(bm.zeros(size))
            self.n = bm.Variable(bm.zeros(size))
            self.spike = bm.Variable(bm.zeros(size, dtype=bool))
            equations = bp.JointEq(self.dV, self.dm, self.dh, self.dn)
            self.integral = bp.odeint(equations, method="exp_auto")

        def dV(self, V, t, m, h, n, g_e, g_i):
            na, k = 20000.0 * m * m * m * h, 6000.0 * (n * n) * (n * n)
            current = 10.0 * (-60.0 - V) + na * (50.0 - V) + k * (-90.0 - V) + g_e * (0.0 - V) + g_i * (-80.0 - V)
            return current / 200.0

        def dm(self, m, t, V):
            u = V + 63.0
            alpha = 0.32 * 4.0 / bm.exprel((13.0 - u) / 4.0)
            beta = 0.28 * 5.0 / bm.exprel((u - 40.0) / 5.0)
            return alpha * (1.0 - m) - beta * m

        def dh(self, h, t, V):
            u = V + 63.0
            alpha = 0.128 * bm.exp((17.0 - u) / 18.0)
            beta = 4.0 / (1.0 + bm.exp((40.0 - u) / 5.0))
            return alpha * (1.0 - h) - beta * h

        def dn(self, n, t, V):
            u = V + 63.0
            alpha = 0.032 * 5.0 / bm.exprel((15.0 - u) / 5.0)
            beta = 0.5 * bm.exp((10.0 - u) / 40.0)
            return alpha * (1.0 - n) - beta * n

        def update(self, g_e, g_i):
            V, m, h, n = self.integral(self.V, self.m, self.h, self.n, bp.share["t"], g_e=g_e, g_i=g_i, dt=DT)
            self.spike.value = bm.logical_and(self.V < -20.0, V >= -20.0)
            self.V.value, self.m.value, self.h.value, self.n.value = V, m, h, n

    return TraubMiles


def _network(bp, bm, args, net):
    lif, split = args.model == "coba_lif", net.indptr[net.n_exc]

    def product(indptr, indices, weight):
        connections = bp.conn.CSRConn(indices, indptr)(len(indptr) - 1, net.n)
        return bp.dnn.EventCSRLinear(connections, weight)

    class Balanced(bp.DynSysGroup):
        def __init__(self):
            super().__init__()
            if lif:
                self.cells = bp.dyn.LifRef(
                    net.n, V_rest=-60.0, V_th=-50.0, V_reset=-60.0, tau=20.0, tau_ref=5.0, spk_dtype=bool
                )
            else:
                self.cells = _hodgkin_huxley(bp, bm)(net.n)
            self.cells.V.value = bm.asarray(net.v0, dtype=bm.float32)
            self.g_e, self.g_i = bp.dyn.Expon(net.n, tau=5.0), bp.dyn.Expon(net.n, tau=10.0)
            self.g_e.g.value = bm.asarray(net.ge0, dtype=bm.float32)
            self.g_i.g.value = bm.asarray(net.gi0, dtype=bm.float32)
            self.exc = product(net.indptr[: net.n_exc + 1], net.indices[:split], net.w_exc)
            self.inh = product(net.indptr[net.n_exc :] - split, net.indices[split:], net.w_inh)

        def update(self):
            # The spikes still held are those of the step before.
            spikes = self.cells.spike.value
            g_e = self.g_e(self.exc(spikes[: net.n_exc]))
            g_i = self.g_i(self.inh(spikes[net.n_exc :]))
            if lif:
                V = self.cells.V.value
                self.cells(g_e * (0.0 - V) + g_i * (-80.0 - V) + 20.0)
            else:
                self.cells(g_e, g_i)

    return Balanced()


def _main() -> None:
    args = arguments("brainpy")
    import brainpy as bp  # pyright: ignore[reportMissingImports]
    import brainpy.math as bm  # pyright: ignore[reportMissingImports]
    import jax

    bm.set_dt(DT)
    net = draw(args)
    model = _network(bp, bm, args, net)
    state = model.vars().unique()
    start = {name: variable.value for name, variable in state.items()}

    def restore():
        for name, variable in state.items():
            variable.value = start[name]

    # Spikes are counted in a run of their own: in the timed loop the count would cost a peer up to a fifth.
    total = bm.Variable(bm.zeros(net.n, dtype=bm.int32))

    def step(i):
        model.step_run(i)

    def counted(i):
        model.step_run(i)
        total.value += model.cells.spike.value.astype(bm.int32)

    steps = bm.arange(args.steps)
    timed = bm.jit(lambda: bm.for_loop(step, steps, progress_bar=False))
    bm.for_loop(counted, steps, progress_bar=False)
    counts = jax.device_get(total.value)
    restore()
    timed()

    def run() -> float:
        restore()
        jax.block_until_ready([variable.value for variable in state.values()])
        begin = time.perf_counter()
        timed()
        jax.block_until_ready([variable.value for variable in state.values()])
        return time.perf_counter() - begin

    report(
        "brainpy",
        bp.__version__,
        args,
        net,
        method="exponential_euler",
        precision="float32",
        seconds=repeat(args.repeats, run),
        spikes=counts.sum(),
        counts=counts,
    )


if __name__ == "__main__":
    _main()
