"""Launches of lists of events against pure JAX: equal, in order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runner
from neuroeqx.ops.events import _reference as reference, _triton as ours
from runner import watched as watched


@pytest.mark.parametrize(("shape", "real"), [((1,), "float32"), ((3, 200), "float64"), ((2, 8500), "float32")])
def test_lists_of_events(shape, real, watched):
    rng = np.random.default_rng(0)
    values = np.where(rng.random(shape) < 0.2, rng.normal(size=shape), -0.0)
    values[..., -1] = np.nan
    with runner.precision(real == "float64"):
        x = jnp.asarray(values, real)
        ids, count = jax.jit(ours.compact)(x)
        truth, number = reference.compact(x)
        np.testing.assert_array_equal(count, number)
        np.testing.assert_array_equal(ids, truth)
        batch = shape[:-1]
        buffer = jnp.full((*batch, 30, 2), -1, jnp.int32)
        append = jax.jit(ours.append)
        for before in (0, 25, 30, 2_147_483_640):  # with room, with some, without, and without room to count
            start = jnp.full(batch, before, jnp.int32), x, jnp.full(batch, 7, jnp.int32)
            for a, b in zip(append(buffer, *start), reference.append(buffer, *start), strict=True):
                np.testing.assert_array_equal(a, b)
