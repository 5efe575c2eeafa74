"""Random sparse matrices for the tests of the products, and the dense matrices that they stand for."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np


BACKENDS = ("native", "reference")


@dataclasses.dataclass
class Case:
    """A matrix with `density * n_pre * n_post` synapses on average (several may share a place) and its operands."""

    n_pre: int
    n_post: int
    density: float = 0.2
    activity: float = 0.3
    shared: bool = False
    real: str = "float32"
    index: str = "int32"
    seed: int = 0

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        lengths = rng.binomial(self.n_post, self.density, self.n_pre) if self.n_pre else np.zeros(0, int)
        self.nnz = int(lengths.sum())
        self.indices = jnp.asarray(rng.integers(0, max(self.n_post, 1), self.nnz), jnp.int32)
        self.indptr = jnp.asarray(np.concatenate([[0], np.cumsum(lengths)]), self.index)
        self.rows = np.repeat(np.arange(self.n_pre), lengths)
        self.rng = rng
        self.weight = self.normal(*(() if self.shared else (self.nnz,)))
        self.x, self.g, self.out = self.spikes(), self.normal(self.n_post), self.normal(self.n_post)

    def normal(self, *shape):
        return jnp.asarray(self.rng.normal(size=shape), self.real)

    def spikes(self, *batch):
        """Values that are zero (some of them -0.0) with probability `1 - activity`."""
        shape = (*batch, self.n_pre)
        values = self.rng.normal(size=shape)
        silent = np.where(self.rng.random(shape) < 0.5, 0.0, -0.0)
        return jnp.asarray(np.where(self.rng.random(shape) < self.activity, values, silent), self.real)

    def todense(self, weight):
        return jnp.zeros((self.n_pre, self.n_post), weight.dtype).at[self.rows, self.indices].add(weight)

    def dense_add(self, out, weight, x):
        return out + jnp.matmul(x, self.todense(weight), precision="highest")

    def dense_gather(self, weight, g):
        return jnp.matmul(self.todense(weight), g, precision="highest")


def assert_agree(ours, truth, *operands):
    """Calls both functions (in one compilation: that is where the time of these tests goes)."""
    assert_close(*jax.jit(lambda *operands: (ours(*operands), truth(*operands)))(*operands))


def assert_close(ours, truth, terms=1.0):
    """Equal up to rounding, in units of the largest entry of each array, or of the number of terms in its sums."""
    assert jax.tree.structure(ours) == jax.tree.structure(truth)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(truth), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        scale = max(1.0, terms, float(np.max(np.abs(b), initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=100 * float(jnp.finfo(b.dtype).eps) * scale)
