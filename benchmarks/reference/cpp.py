"""Compile and run the hand-written C++ loops in this folder.

```python
import cpp

if cpp.available():
    result = cpp.run("coba_lif", scale=10)  # {"us_per_step": ..., "rate_hz": ..., "checks": {...}, ...}
```

or `python cpp.py coba_hh --scale 4 --steps 2000`, which prints the same as one line of JSON.
"""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import numpy as np


_FOLDER = pathlib.Path(__file__).resolve().parent
_HEADERS = ("common.hpp", "simd_exp.hpp")
_MODELS = ("coba_lif", "coba_hh")
# 512-bit vectors where the processor has them (GCC prefers 256); without AVX-512 that flag changes nothing.
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512")
# Name of the argument -> kind of its values, of each array the programs read from or write to a file.
_INPUTS = {"indptr": "int32", "indices": "int32", "v0": "float32", "ge0": "float32", "gi0": "float32"}


def available() -> bool:
    """Whether this machine has the compiler (`g++`, x86-64)."""
    return shutil.which("g++") is not None and platform.machine() in ("x86_64", "AMD64")


def _cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "neuroeqx-benchmarks"


def _processor() -> str:
    """What `-march=native` depends on: a program built on one processor may not run on another."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def build(model: str) -> pathlib.Path:
    """Build the program of `model`, or find it built already.

    **Arguments:**

    - `model`: `"coba_lif"` or `"coba_hh"`.

    **Returns:**

    The path of the program, in the user's cache folder. A change of the sources, the flags, the compiler or the
    processor builds it anew.
    """
    if model not in _MODELS:
        raise ValueError(f"`model` must be one of {_MODELS}, got {model!r}.")
    if not available():
        raise RuntimeError("The C++ loops need `g++` on an x86-64 machine; `available()` says whether there is one.")
    source = _FOLDER / f"{model}.cpp"
    version = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(" ".join((*_FLAGS, version, _processor())).encode())
    for path in (source, *(_FOLDER / name for name in _HEADERS)):
        digest.update(path.read_bytes())
    program = _cache_folder() / f"{model}-{digest.hexdigest()[:16]}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        # Built aside and moved, so that two processes can build at once.
        with tempfile.TemporaryDirectory(dir=program.parent) as folder:
            built = pathlib.Path(folder) / model
            done = subprocess.run(["g++", *_FLAGS, str(source), "-o", str(built)], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"g++ failed on {source.name}:\n{done.stderr}")
            built.replace(program)
    return program


def run(
    model: str = "coba_lif",
    *,
    scale: int = 1,
    steps: int = 5000,
    repeats: int = 5,
    seed: int = 0,
    conn: str = "fixed80",
    method: str | None = None,
    kernel: str | None = None,
    exp: str | None = None,
    indptr=None,
    indices=None,
    v0=None,
    ge0=None,
    gi0=None,
    spike_counts: bool = False,
    raster: bool = False,
    network: bool = False,
) -> dict:
    """Run one model and return what it measured.

    **Arguments:**

    - `model`: `"coba_lif"` or `"coba_hh"`.
    - `scale`: 4000 neurons times this. Unused where a network is given.
    - `steps`: steps of 0.1 ms.
    - `repeats`: timed runs from the same start; `us_per_step` is their median.
    - `seed`: of the connections and the start.
    - `conn`: `"fixed80"`: 80 targets a neuron, drawn with replacement, weights as they are. `"p02"`: every pair with
        probability 0.02, weights divided by the scale. With a given network only the rule of the weights counts.
    - `method`: LIF only: `"euler"` (default) or `"exp"`.
    - `kernel`: LIF only: `"auto"` (default), `"bytes"` (portable loop) or `"avx512"`.
    - `exp`: HH only: `"shared"` (default), `"inline"` or `"library"`; see the README.
    - `indptr`, `indices`: integer arrays `[n + 1]` and `[synapses]`: targets of each neuron, the first 80 % of the
        neurons excitatory.
    - `v0`: array `[n]`, mV, the potentials at the start.
    - `ge0`, `gi0`: HH only: arrays `[n]`, nS, the conductances at the start.
    - `spike_counts`: also return `"spike_counts"`, an int32 array `[n]`.
    - `raster`: also return `"raster"`, an int32 array `[spikes, 2]` of (step, neuron).
    - `network`: also return `"network"`, a dictionary of the arrays that were run, named as the arguments above.

    **Returns:**

    A dictionary; the README says what each entry means. Raises `RuntimeError` where the program fails.
    """
    arrays = {"indptr": indptr, "indices": indices, "v0": v0, "ge0": ge0, "gi0": gi0}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    options = {"scale": scale, "steps": steps, "repeats": repeats, "seed": seed, "conn": conn}
    options |= {k: v for k, v in {"method": method, "kernel": kernel, "exp": exp}.items() if v is not None}
    program = build(model)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for key, value in arrays.items():
            np.ascontiguousarray(value, dtype=_INPUTS[key]).tofile(folder / f"{key}.in")
            options[key] = folder / f"{key}.in"
        if spike_counts:
            options["counts"] = folder / "counts"
        if raster:
            options["raster"] = folder / "raster"
        if network:
            options["dump"] = folder
        command = [str(program), *(str(x) for key, value in options.items() for x in (f"--{key}", value))]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{model} failed: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        if spike_counts:
            result["spike_counts"] = np.fromfile(folder / "counts", dtype=np.int32)
        if raster:
            result["raster"] = np.fromfile(folder / "raster", dtype=np.int32).reshape(-1, 2)
        if network:
            found = {key: folder / f"{key}.bin" for key in _INPUTS}
            result["network"] = {k: np.fromfile(p, dtype=_INPUTS[k]) for k, p in found.items() if p.exists()}
    return result


def _main() -> None:
    parser = argparse.ArgumentParser(description="Run one of the hand-written C++ loops and print a line of JSON.")
    parser.add_argument("model", choices=_MODELS)
    for name, default in (("scale", 1), ("steps", 5000), ("repeats", 5), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--conn", choices=("fixed80", "p02"), default="fixed80")
    parser.add_argument("--method", choices=("euler", "exp"))
    parser.add_argument("--kernel", choices=("auto", "bytes", "avx512"))
    parser.add_argument("--exp", choices=("shared", "inline", "library"))
    arguments = vars(parser.parse_args())
    if not available():
        print(json.dumps({"simulator": "c++", "available": False}))
        return
    print(json.dumps(run(arguments.pop("model"), **arguments)))


if __name__ == "__main__":
    _main()
