"""A small network with STDP and a delay for every synapse is trained; as a command, in a folder, and killed on the way.

python plastic_training.py FOLDER BATCH: from the checkpoint in the folder, if there is one; dies by SIGKILL when it is asked
for this batch (counted from where it begins), or prints the records of every step if that never happens.
"""

import json
import os
import signal
import sys

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax


N, DT, STIMULUS = 6, 1.0, 12
STEPS = {"per_epoch": 5, "epochs": 3, "every": 2}


class Reader(eqx.Module):
    net: nex.Network
    readout: eqx.nn.Linear

    def __init__(self, key):
        cell = nex.LIF(tau=10.0, surrogate=nex.SuperSpike(5.0))
        receptors = {"exc": nex.Receptor(nex.Expon(4.0), nex.CUBA())}
        late = nex.connect.bernoulli(0.8, nex.connect.uniform(0.0, 0.1), delay=nex.connect.integers(1, 6))
        learned = nex.connect.all_to_all(nex.connect.uniform(0.4, 0.8))
        self.net = nex.Network(
            {"in": nex.Poisson(100.0, N), "E": nex.Population(cell, N, receptors)},
            {
                "in": nex.Projection("in", "E", "exc", learned, delay=1.0, plasticity=nex.plasticity.STDP(a_plus=0.05)),
                "late": nex.Projection("E", "E", "exc", late),
            },
            key=key,
        )
        self.readout = eqx.nn.Linear(N, 1, key=key)


class Stimuli:
    """Rates of the sources, and whether the first half of them are the faster. Kills the process at a batch."""

    def __init__(self, die_at=None):
        rng = np.random.default_rng(0)
        self.rates = (rng.random((2 * STEPS["per_epoch"] + 1, N)) * 300.0).astype(np.float32)
        self.asked, self.die_at = 0, die_at

    def __len__(self):
        return len(self.rates)

    def __getitem__(self, samples):
        if self.asked == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.asked += 1
        rates = self.rates[samples]
        return {"rates": rates, "first": (rates[:, :3].sum(1) > rates[:, 3:].sum(1)).astype(np.float32)}


def loss(model, batch, key, state):
    """The stimuli of a batch one after the other; weights and all that is under way go on to the next batch."""
    rates = jnp.repeat(batch["rates"], STIMULUS, 0)
    sol = nex.simulate(
        model.net,
        len(rates) * DT,
        DT,
        {"in": nex.Samples(rates)},
        record={"s": nex.output("E")},
        state=state,
        key=key,
    )
    counts = sol.records["s"].values.reshape(-1, STIMULUS, N).sum(1)
    logits = jnp.stack([model.readout(x)[0] for x in counts])
    weights = sol.state.weights["in"]
    value = optax.sigmoid_binary_cross_entropy(logits, batch["first"]).mean()
    return value, sol.state, {"spikes": counts.sum(), "weights": weights.sum()}


def train(folder=None, die_at=None, resume=True, epochs=STEPS["epochs"]):
    model = Reader(jr.key(0))
    where = lambda m: (m.net.projections["late"].comm.weight, m.net.populations["E"].cell.tau, m.readout)
    every = {} if folder is None else {"folder": folder, "every": STEPS["every"], "resume": resume}
    return nex.learn.fit(
        model,
        loss,
        Stimuli(die_at),
        optim=optax.sgd(0.05, momentum=0.9),
        epochs=epochs,
        key=jr.key(1),
        batch=2,
        where=where,
        state=model.net.init(dt=DT, key=jr.key(2)),
        progress=False,
        **every,
    )


if __name__ == "__main__":
    steps = train(sys.argv[1], int(sys.argv[2])).steps
    print(json.dumps({name: x.view(np.uint32).tolist() for name, x in steps.items()}))
