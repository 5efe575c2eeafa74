"""How close results must be."""

import jax.numpy as jnp
import numpy as np


def assert_close(ours, truth):
    """Equal up to rounding, in units of the largest entry. NaN where the truth is NaN, and nowhere else."""
    assert (ours.shape, ours.dtype) == (truth.shape, truth.dtype)
    ours, truth, eps = np.asarray(ours.astype(float)), np.asarray(truth.astype(float)), float(jnp.finfo(ours.dtype).eps)
    scale = max(1.0, float(np.max(np.abs(truth[np.isfinite(truth)]), initial=0.0)))
    np.testing.assert_allclose(ours, truth, rtol=0, atol=(1 if eps > 1e-3 else 100) * eps * scale)
