"""A recurrent spiking network learns to read handwritten digits.

The network is an ordinary Equinox module with our cells among its fields. It is trained with optax through the
surrogate gradients of its spikes, for several seeds at once by `eqx.filter_vmap`.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from .._trainable import trainable
from .._types import Key
from ..neurons import Leaky, LIF
from ._options import count


PIXELS, CLASSES = 64, 10
DT = 1.0  # ms
STEPS = 25
BATCH = 32
LEARNING_RATE = 5e-3
# The standard deviation of the pixel noise of training images, whose range is 0 to 1: 1,400 images are few.
NOISE = 0.2


class DigitReader(eqx.Module):
    """Spiking neurons, recurrently connected, between a constant current per pixel and one leaky integrator per class.

    **Arguments:**

    - `hidden`: the number of spiking neurons.
    """

    encode: eqx.nn.Linear
    recur: eqx.nn.Linear
    read: eqx.nn.Linear
    cell: LIF
    integrator: Leaky

    def __init__(self, hidden: int, *, key: Key):
        encode_key, recur_key, read_key = jr.split(key, 3)
        self.encode = eqx.nn.Linear(PIXELS, hidden, key=encode_key)
        self.recur = eqx.nn.Linear(hidden, hidden, use_bias=False, key=recur_key)
        self.read = eqx.nn.Linear(hidden, CLASSES, key=read_key)
        # One time constant per neuron. The resistances bring the small initial weights of Linear to the scale of the
        # threshold.
        self.cell = LIF(tau=jnp.full(hidden, 10.0), r=4.0)
        self.integrator = Leaky(tau=10.0, r=8.0)

    def __call__(self, image: Float[Array, " pixels"]) -> tuple[Float[Array, " classes"], Float[Array, " hidden"]]:
        """The evidence for each class, averaged over time, and the number of spikes of each neuron."""
        current = self.encode(image)  # constant in time, and so computed once

        def step(state: Any, _: None) -> Any:
            v, spikes, u = state
            v, spikes = self.cell.step(v, current + self.recur(spikes), dt=DT)
            u, evidence = self.integrator.step(u, self.read(spikes), dt=DT)
            return (v, spikes, u), (evidence, spikes)

        silent = jnp.zeros_like(current)
        state = (self.cell.init(current.shape), silent, self.integrator.init((CLASSES,)))
        _, (evidence, spikes) = lax.scan(step, state, length=STEPS)
        return evidence.mean(0), spikes.sum(0)


def what_is_trained(model: DigitReader) -> DigitReader:
    """The filter of what is trained: all weights and time constants, but no thresholds, resets or surrogate slopes."""
    return trainable(model, lambda m: (m.encode, m.recur, m.read, m.cell.tau, m.integrator.tau))


def loss(
    trained: DigitReader,
    fixed: DigitReader,
    images: Float[Array, "batch pixels"],
    labels: Int[Array, " batch"],
) -> Float[Array, ""]:
    """The mean cross-entropy of a batch."""
    evidence, _ = jax.vmap(eqx.combine(trained, fixed))(images)
    return optax.softmax_cross_entropy_with_integer_labels(evidence, labels).mean()


def train_epoch(
    trained: DigitReader,
    opt_state: optax.OptState,
    key: PRNGKeyArray,
    fixed: DigitReader,
    optim: optax.GradientTransformation,
    images: Float[Array, "n pixels"],
    labels: Int[Array, " n"],
) -> tuple[DigitReader, optax.OptState, Float[Array, ""]]:
    """One pass through the images in a random order, less a last batch that is not full; the mean loss comes last."""
    order_key, noise_key = jr.split(key)
    batches = images.shape[0] // BATCH
    order = jr.permutation(order_key, images.shape[0])[: batches * BATCH].reshape(batches, BATCH)

    def step(carry: Any, x: Any) -> Any:
        trained, opt_state = carry
        chosen, key = x
        noisy = images[chosen] + NOISE * jr.normal(key, (BATCH, images.shape[1]))
        value, grads = eqx.filter_value_and_grad(loss)(trained, fixed, noisy, labels[chosen])
        updates, opt_state = optim.update(grads, opt_state, trained)
        return (eqx.apply_updates(trained, updates), opt_state), value

    (trained, opt_state), losses = lax.scan(step, (trained, opt_state), (order, jr.split(noise_key, batches)))
    return trained, opt_state, losses.mean()


def evaluate(
    trained: DigitReader, fixed: DigitReader, images: Float[Array, "n pixels"], labels: Int[Array, " n"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The fraction of images read correctly, and the mean number of spikes per neuron and image."""
    evidence, spikes = jax.vmap(eqx.combine(trained, fixed))(images)
    return (evidence.argmax(-1) == labels).astype(evidence.dtype).mean(), spikes.mean()


def held_out(labels: Int[np.ndarray, " n"], every: int = 5) -> Bool[np.ndarray, " n"]:
    """Which images are for testing: of each class every fifth (or `every` so many), in the order of the file, whatever the
    seed."""
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        test[np.flatnonzero(labels == label)[every - 1 :: every]] = True
    return test


def load() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Training and test images (`[n, 64]`, 0 to 1) and labels of the digits that scikit-learn distributes."""
    packed = (resources.files("neuroeqx") / "data" / "digits" / "digits.csv.gz").read_bytes()
    table = np.loadtxt(gzip.decompress(packed).decode("ascii").splitlines(), delimiter=",")
    grey, classes = table[:, :-1], table[:, -1].astype(int)
    test = held_out(classes)
    images, labels = jnp.asarray(grey / 16.0, dtype=float), jnp.asarray(classes, dtype=jnp.int32)
    return (images[~test], labels[~test]), (images[test], labels[test])


def train(epochs: int, seeds: int, hidden: int) -> dict[str, Any]:
    """Train a network for each of the seeds 0, 1, ... and test it after every epoch; progress goes to standard error.

    **Returns:** what `--json` prints. The accuracies are those of the last epoch, however good an earlier one was.
    """
    train_set, test_set = load()
    began = time.perf_counter()
    optim = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, epochs * (len(train_set[1]) // BATCH)))
    keys = jnp.stack([jr.key(seed) for seed in range(seeds)])
    models = eqx.filter_jit(eqx.filter_vmap(lambda key: DigitReader(hidden, key=key)))(keys)
    trained, fixed = eqx.partition(models, what_is_trained(models))
    opt_states = eqx.filter_jit(eqx.filter_vmap(optim.init))(trained)
    # Seeds run side by side: all but the optimiser and the images has a leading axis of seeds.
    each = eqx.if_array(0)
    run = eqx.filter_vmap(train_epoch, in_axes=(each, each, each, each, None, None, None))
    run = _compiled(run, trained, opt_states, keys, fixed, optim, *train_set)
    test = eqx.filter_vmap(evaluate, in_axes=(each, each, None, None))
    test = _compiled(test, trained, fixed, *test_set)
    compile_s, began = time.perf_counter() - began, time.perf_counter()
    tests = []
    for epoch in range(epochs):
        now = jax.vmap(jr.fold_in, in_axes=(0, None))(keys, epoch)
        trained, opt_states, losses = run(trained, opt_states, now, fixed, optim, *train_set)
        tests.append(test(trained, fixed, *test_set))
        shown = "  ".join(f"{accuracy:6.2%}" for accuracy in tests[-1][0].tolist())
        sys.stderr.write(f"epoch {epoch + 1:3d}/{epochs}   loss {losses.mean():.3f}   test accuracy {shown}\n")
    accuracies, spikes = tests[-1]
    return {
        "demo": "digits",
        "test_accuracy": [round(x, 4) for x in accuracies.tolist()],
        "spikes_per_neuron": [round(x, 2) for x in spikes.tolist()],
        "seeds": list(range(seeds)),
        "epochs": epochs,
        "hidden": hidden,
        "train_size": len(train_set[1]),
        "test_size": len(test_set[1]),
        "compile_s": round(compile_s, 2),
        "run_s": round(time.perf_counter() - began, 2),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx demo digits`."""
    parser.add_argument("--epochs", type=count, default=30, metavar="N", help="passes through the images (30)")
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="networks, of seeds 0 to N - 1 (3)")
    parser.add_argument("--hidden", type=count, default=128, metavar="N", help="spiking neurons (128)")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def main(args: argparse.Namespace) -> None:
    """Run the demo. Progress goes to standard error, the result to standard output."""
    result = train(args.epochs, args.seeds, args.hidden)
    if args.json:
        print(json.dumps(result))
        return
    sizes = f"{result['train_size']} images to learn from, {result['test_size']} to test with"
    print(f"{sizes} (of each digit every fifth)")
    print(f"{args.hidden} spiking neurons, recurrent; {STEPS} steps of {DT:g} ms per image; {args.epochs} epochs")
    print("\nseed   test accuracy after the last epoch   spikes per neuron and image")
    columns = [result[name] for name in ("seeds", "test_accuracy", "spikes_per_neuron")]
    for seed, accuracy, spikes in zip(*columns, strict=True):
        print(f"{seed:4d}{accuracy:38.2%}{spikes:30.2f}")
    print(f"\ncompilation {result['compile_s']:.1f} s, training and testing {result['run_s']:.1f} s")


def _compiled(function: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """The program of `function` for arguments like these, compiled now and not at the first call."""
    return eqx.filter_jit(function).lower(*args).compile()  # pyright: ignore[reportFunctionMemberAccess]
