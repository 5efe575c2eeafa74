"""snnTorch, Norse or SpikingJelly on the network of `../snn_training.py`: `python snn_torch.py --peer norse --threads 1`."""

import math
import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1]))
from _snn import (  # noqa: E402
    arguments,
    batches,
    COUNT_PENALTY,
    LEARNING_RATE,
    measure,
    RATE_PENALTY,
    report,
    spikes_of,
    STEPS,
    TAU_MEMBRANE,
    TAU_READOUT,
    TAU_SYNAPSE,
    weights,
)


peer = "snntorch"
if "--peer" in sys.argv:
    place = sys.argv.index("--peer")
    peer = sys.argv[place + 1]
    del sys.argv[place : place + 2]
args = arguments(__doc__)

import torch  # noqa: E402  # pyright: ignore[reportMissingImports]
from torch import nn  # noqa: E402  # pyright: ignore[reportMissingImports]


if args.threads is not None:
    torch.set_num_threads(args.threads)
decay = lambda tau: math.exp(-1.0 / tau)
first, second = (nn.Parameter(torch.tensor(x.T.copy())) for x in weights())


def snntorch_layers():
    import snntorch  # pyright: ignore[reportMissingImports]
    from snntorch import surrogate  # pyright: ignore[reportMissingImports]

    gradient = surrogate.fast_sigmoid(slope=10)
    cells = snntorch.Synaptic(alpha=decay(TAU_SYNAPSE), beta=decay(TAU_MEMBRANE), spike_grad=gradient)
    leaky = snntorch.Leaky(beta=decay(TAU_READOUT), reset_mechanism="none")

    def run(currents):  # [time, batch, hidden]
        (synapse, membrane), out = cells.reset_mem(), leaky.reset_mem()
        spikes, scores = [], []
        for t in range(STEPS):
            z, synapse, membrane = cells(currents[t], synapse, membrane)
            _, out = leaky(nn.functional.linear(z, second), out)
            spikes.append(z)
            scores.append(out)
        return torch.stack(spikes), torch.stack(scores)

    return run, snntorch.__version__


def norse_layers():
    from importlib.metadata import version

    import norse.torch as norse  # pyright: ignore[reportMissingImports]

    of = lambda tau: torch.tensor(1.0 - decay(tau))
    p = norse.LIFParameters(
        of(TAU_SYNAPSE), of(TAU_MEMBRANE), v_th=torch.tensor(0.1), method="super", alpha=torch.tensor(10.0)
    )
    cells, leaky = norse.LIFCell(p, dt=1.0), norse.LIBoxCell(norse.LIBoxParameters(of(TAU_READOUT)), dt=1.0)

    def run(currents):
        state = out = None
        spikes, scores = [], []
        for t in range(STEPS):
            z, state = cells(currents[t], state)
            y, out = leaky(nn.functional.linear(z, second), out)
            spikes.append(z)
            scores.append(y)
        return torch.stack(spikes), torch.stack(scores)

    return run, version("norse")


def spikingjelly_layers():
    from importlib.metadata import version

    from spikingjelly.activation_based import functional, neuron, surrogate  # pyright: ignore[reportMissingImports]

    # Its SynapseFilter takes spikes, not currents; a cell without a threshold filters these.
    of = lambda tau, **options: neuron.LIFNode(1.0 / (1.0 - decay(tau)), decay_input=False, step_mode="m", **options)
    linear = lambda tau: of(tau, v_threshold=1e9, v_reset=None, store_v_seq=True)
    synapses, leaky = linear(TAU_SYNAPSE), linear(TAU_READOUT)
    cells = of(TAU_MEMBRANE, surrogate_function=surrogate.SoftSign(alpha=10.0))

    def run(currents):
        for each in (synapses, cells, leaky):
            functional.reset_net(each)
        synapses(currents)
        spikes = cells(synapses.v_seq)
        leaky(nn.functional.linear(spikes, second))
        return spikes, leaky.v_seq

    return run, version("spikingjelly")


run, version = {"snntorch": snntorch_layers, "norse": norse_layers, "spikingjelly": spikingjelly_layers}[peer]()
optim = torch.optim.Adam([first, second], LEARNING_RATE)
made = [
    (torch.tensor(spikes_of(steps).swapaxes(0, 1).copy()), torch.tensor(labels).long())
    for steps, labels in batches(args)
]


def step(_, i):
    x, labels = made[i % len(made)]
    optim.zero_grad()
    spikes, scores = run(nn.functional.linear(x, first))
    counts = spikes.sum(0)
    wrong = nn.functional.cross_entropy(scores.max(0).values, labels)
    loss = wrong + RATE_PENALTY * counts.sum() + COUNT_PENALTY * (counts**2).sum(-1).mean()
    loss.backward()
    optim.step()
    return float(loss), float(counts.mean())


line, (value, counts) = measure(args, lambda: step(None, 0), step)
report(peer, version, args, line, spikes_per_neuron=round(counts, 2), loss=round(value, 4))
