"""Work that is divided between two threads: the same results, whoever does the second half, and nobody waits in vain."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
import scipy.sparse as sp
from neuroeqx.ops import csr, fanout
from neuroeqx.ops._threads import WORTH_TWO


N, K = 1501, 200  # an odd number of rows, enough synapses


@pytest.fixture
def matrix(dtype):
    rng = np.random.default_rng(0)
    indices, weight = rng.integers(0, N, (N, K)), rng.normal(size=(N, K))
    assert indices.size > WORTH_TWO
    whole = sp.csr_array((weight.reshape(-1), indices.reshape(-1), np.arange(N + 1) * K), shape=(N, N))
    return jnp.asarray(weight, dtype), jnp.asarray(indices, jnp.int32), whole, rng


def assert_near(ours, truth, dtype):
    np.testing.assert_allclose(ours, truth, rtol=0, atol=1e-4 if dtype == "float32" else 1e-11)


def test_gather(matrix, dtype):
    weight, indices, whole, rng = matrix
    g = rng.normal(size=N)
    pointers = jnp.arange(N + 1, dtype=jnp.int32) * K
    assert_near(fanout.rmatvec(weight, indices, jnp.asarray(g, dtype)), whole @ g, dtype)
    flat = weight.reshape(-1), indices.reshape(-1), pointers
    assert_near(csr.rmatvec(*flat, jnp.asarray(g, dtype)), whole @ g, dtype)


@pytest.mark.parametrize("members", [8, 17, 40, 65])
def test_batches(matrix, dtype, members):
    """One pack of members, an odd number of packs, a last pack that is not full; some silent."""
    weight, indices, whole, rng = matrix
    g = rng.normal(size=(members, N))
    g[3:5] = 0.0
    values = jnp.asarray(g, dtype)
    gather = jax.jit(jax.vmap(lambda g: fanout.rmatvec(weight, indices, g)))
    add = jax.jit(jax.vmap(lambda out, x: fanout.add_matvec(out, weight, indices, x)))
    assert_near(gather(values), (whole @ g.T).T, dtype)
    assert_near(add(values, values), g + (whole.T @ g.T).T, dtype)


def test_procedural_gather(dtype):
    w = nex.connect.procedural(nex.connect.bernoulli(0.01, nex.connect.normal(0.5, 0.1)))(4001, 700, key=jr.key(0))
    g = np.random.default_rng(0).normal(size=(2, 700))
    whole = w.to_csr()
    for one in g:
        assert_near(w.T(jnp.asarray(one, dtype)), whole.T(jnp.asarray(one, dtype)), dtype)
    batch = jax.vmap(lambda g: w.T(g))(jnp.asarray(g, dtype))
    assert_near(batch, jax.vmap(lambda g: whole.T(g))(jnp.asarray(g, dtype)), dtype)


PROGRAM = """
import os
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{processors}])
from concurrent.futures import ThreadPoolExecutor
import jax, jax.numpy as jnp, numpy as np
from neuroeqx.ops import fanout
indices = jnp.asarray(np.random.default_rng(0).integers(0, {n}, ({n}, {k})), jnp.int32)
product = jax.jit(lambda g: fanout.rmatvec(jnp.array(1.0), indices, g))
both = jax.jit(lambda g: (product(g), product(2 * g)))
product(jnp.ones({n})).block_until_ready()
with ThreadPoolExecutor(8) as pool:
    results = list(pool.map(lambda i: np.asarray(both(jnp.full({n}, float(i)))), range(200)))
assert all((result[0] == {k} * i).all() and (result[1] == 2 * {k} * i).all() for i, result in enumerate(results))
"""


@pytest.mark.skipif(
    not getattr(os, "sched_setaffinity", None), reason="this system cannot confine a process to processors"
)
@pytest.mark.parametrize("processors", [1, 2])
def test_many_callers_and_few_threads(processors):
    """More callers than threads, and a process with a single processor: no task is waited for that has not begun."""
    program = PROGRAM.format(processors=processors, n=N, k=K)
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_several_callers_of_one_program(matrix, dtype):
    """The same product under way from several Python threads of one process."""
    weight, indices, whole, rng = matrix
    g = rng.normal(size=(16, N))
    product = jax.jit(lambda g: fanout.rmatvec(weight, indices, g))
    with ThreadPoolExecutor(8) as pool:
        for ours, truth in zip(pool.map(product, jnp.asarray(g, dtype)), (whole @ g.T).T, strict=True):
            assert_near(ours, truth, dtype)
