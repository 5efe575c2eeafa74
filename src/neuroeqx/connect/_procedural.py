"""A matrix that is drawn again at every use, and the rules that can be drawn in this way."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from .. import ops
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractRule, AbstractSparseConnectivity, Row
from .._types import is_tracer, Key
from ..ops.procedural import Law
from ._bernoulli import Bernoulli
from ._checks import check_length, check_row
from ._csr import CSR
from ._delays import Integers
from ._distributions import Normal, Uniform
from ._draw import check_autapses
from ._fixed_degree import FixedDegree
from ._lattice import Lattice
from ._transpose import Transpose


class Procedural(AbstractSparseConnectivity):
    """Random connections that are not stored: each row is drawn again, from the key, whenever its source is active.

    The memory does not depend on the number of synapses. The matrix is the same to the bit at every use, on every backend,
    and in products, transposes and derivatives. Made by `procedural(rule)`.

    **Arguments:**

    - `weight`: the parameters of the weights, trainable, in the unit of what it feeds: one number, or two for `law.weights`
        `"uniform"` (low, high) or `"normal"` (mean, standard deviation).
    - `key`: decides everything else. May be traced: matrices of several keys can be made and used under `jax.vmap`.
    - `law`: what is drawn, see `ops.procedural.Law`.
    - `gaps`, `normal`, `accept`: tables that the law needs, see `ops.procedural`.
    - `expected_nnz`: the number of synapses on average over all keys.
    - `name`: of the rule, for the description.
    """

    weight: Float[Array, "..."]
    key: Any
    gaps: UInt32[Array, "digits 1024"] | None
    normal: UInt32[Array, "entries 2"] | None
    accept: UInt32[Array, " width"] | None
    law: Law = eqx.field(static=True)
    expected_nnz: float = eqx.field(static=True)
    name: str = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __init__(
        self,
        weight: Any,
        key: Key,
        law: Law,
        *,
        gaps: Any = None,
        normal: Any = None,
        accept: Any = None,
        expected_nnz: float,
        name: str,
    ):
        self.weight = as_parameter(weight)
        self.key = _threefry(key)
        self.gaps, self.normal, self.accept = (None if t is None else jnp.asarray(t) for t in (gaps, normal, accept))
        self.law = law
        self.expected_nnz = expected_nnz
        self.name = name
        self.horizon = 0 if law.delays is None else law.delays[1]

    def __check_init__(self) -> None:
        if self.weight.shape != self.law.theta_shape:
            raise ValueError(
                f"Procedural: `weight` must have shape {self.law.theta_shape} for {self.law.weights} weights, got "
                f"{self.weight.shape}."
            )
        check_finite(self)

    @property
    def shape(self) -> tuple[int, int]:
        return self.law.n_pre, self.law.n_post

    @property
    def nnz(self) -> int:
        """The number of synapses. Unless the law fixes it, all rows are drawn and counted, each time; `expected_nnz` costs
        nothing."""
        if self.law.k is not None:
            return 0 if self.law.empty else self.law.n_pre * self.law.k
        law = dataclasses.replace(self.law, weights="constant", delays=None)
        structure = tuple(array for array in (self._seed, self.gaps, self.accept) if array is not None)
        self._check_known("nnz")
        ones = jnp.ones(law.n_post, jnp.float32)
        counts = ops.procedural.rmatvec(jnp.ones((), jnp.float32), structure, ones, law=law)
        return int(np.asarray(counts).sum(dtype=np.int64))

    @property
    def _seed(self) -> UInt32[Array, "2"]:
        return jr.key_data(self.key)

    @property
    def _structure(self) -> tuple[Array, ...]:
        return tuple(table for table in (self._seed, self.gaps, self.normal, self.accept) if table is not None)

    @property
    def _matrix(self) -> dict[str, Any]:
        """The operands of products without delays, which are sums over all of them."""
        law = dataclasses.replace(self.law, delays=None)
        return {"weight": self.weight, "structure": self._structure, "law": law}

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        return self.add_to(jnp.zeros(self.shape[1], x.dtype), x)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("Procedural", "x", x, self.shape[0])
        check_length("Procedural.add_to", "out", out, self.shape[1])
        return ops.procedural.add_matvec(out, x=x, **self._matrix)

    def deliver(
        self,
        out: Float[Array, " places"],
        x: Float[Array, " pre"],
        *,
        offset: Int[Array, ""] | None = None,
        active: tuple[Int[Array, " pre"], Int[Array, ""]] | None = None,
    ) -> Float[Array, " places"]:
        return ops.procedural.add_matvec(
            out, self.weight, self._structure, x, law=self.law, active=active, offset=offset
        )

    def rproduct(self, g: Float[Array, " post"]) -> Float[Array, " pre"]:
        """`W @ g`. Draws all rows."""
        check_length("Procedural.T", "x", g, self.shape[1])
        return ops.procedural.rmatvec(g=g, **self._matrix)

    @property
    def T(self) -> Transpose:
        return Transpose(self)

    def todense(self) -> Float[Array, "pre post"]:
        return jax.vmap(self)(jnp.eye(self.shape[0], dtype=self.weight.dtype))

    def to_csr(self) -> CSR:
        self._check_known("to_csr")
        rows = np.arange(self.shape[0])
        counts, columns, values = ops.procedural.rows_of(self._structure, rows, law=self.law, dtype=self.weight.dtype)
        weight = ops.procedural.linear_weights(self.weight, values, law=self.law)
        ends, steps = self._split(columns)
        return CSR(weight, ends, np.concatenate([[0], np.cumsum(counts)]), self.shape[1], delays=steps)

    def row(self, i: int) -> Row:
        check_row("Procedural", i, self.shape[0])
        self._check_known("row")
        rows = np.asarray([i])
        _, columns, values = ops.procedural.rows_of(self._structure, rows, law=self.law, dtype=self.weight.dtype)
        weight = ops.procedural.linear_weights(self.weight, values, law=self.law)
        ends, steps = self._split(columns)
        return Row(ends, np.broadcast_to(np.asarray(weight), ends.shape), steps)

    def _split(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets and delays."""
        return (columns % self.shape[1], columns // self.shape[1] + 1) if self.horizon else (columns, None)

    def _check_known(self, method: str) -> None:
        if is_tracer(self.key) or self.key.shape:
            raise TypeError(
                f"Procedural.{method} works on the host, so the `key` of the matrix cannot be traced or one of several."
            )

    def __repr__(self) -> str:
        if not all(isinstance(x, jax.Array | jax.ShapeDtypeStruct) for x in (self.weight, self.key)):
            return eqx.tree_pformat(self)  # half of a partition
        late = f", delays up to {self.horizon} steps" if self.horizon else ""
        return f"Procedural({self.shape[0]} x {self.shape[1]}, {self.name}, {_show(self.weight, self.law)}{late})"


def _show(theta: Any, law: Law) -> str:
    if is_tracer(theta) or isinstance(theta, jax.ShapeDtypeStruct) or theta.shape != law.theta_shape:
        return f"{law.weights} weights"
    values = ", ".join(f"{float(x):g}" for x in np.asarray(theta).reshape(-1))
    return f"weight {values}" if law.weights == "constant" else f"weight {law.weights}({values})"


def _threefry(key: Any) -> Any:
    """A typed key whose data are the two words that Philox takes."""
    if isinstance(key, jax.ShapeDtypeStruct) or not eqx.is_array(key):
        return key
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jr.wrap_key_data(key)
    if jr.key_data(key).shape[-1] != 2:
        key = jr.wrap_key_data(jr.bits(key, (2,), jnp.uint32), impl="threefry2x32")
    return key


class ProceduralRule(AbstractRule):
    """As made by `procedural`."""

    rule: Any

    def __check_init__(self) -> None:
        _check(self.rule)

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> Procedural:
        if key is None:
            name = _name(self.rule)
            raise ValueError(
                f"{name} is random: give the Network (or the rule's call) a `key`, e.g. jax.random.key(0)."
            )
        return draw(self.rule, n_pre, n_post, key)

    def __repr__(self) -> str:
        return f"procedural({self.rule!r})"


def procedural(rule: AbstractRule) -> ProceduralRule:
    """The same rule with a matrix that is not stored, but drawn again at every use.

    For networks whose synapses do not fit into memory, and for batches of networks: the `key` may be traced. A product
    costs some nanoseconds per synapse more than with a stored matrix.

    **Arguments:**

    - `rule`: `bernoulli(p)`, `fixed_out_degree(k)` or `lattice(...)`. Its `weight` is a number, `normal(mean, sd)` or
        `uniform(low, high)`, whose parameters become the trainable `weight` of the matrix; its `delay` is `None`, a
        number of steps, or `integers(low, high)`.

    **Returns:** a rule that draws a `Procedural`. The matrix follows the same law as the stored one, but for the same key
    it is another one (a `lattice` is the same).
    """
    return ProceduralRule(rule)


def _name(rule: Any) -> str:
    return rule.name if isinstance(rule, FixedDegree) else type(rule).__name__.lower()


def _check(rule: Any) -> None:
    if not isinstance(rule, Bernoulli | FixedDegree | Lattice):
        raise TypeError(
            f"procedural: `rule` must be bernoulli(p), fixed_out_degree(k) or lattice(...), got {rule!r}; other laws cannot "
            "be drawn row by row."
        )
    if isinstance(rule, FixedDegree) and rule.of_targets:
        raise ValueError(
            "procedural: fixed_in_degree fixes columns, and only rows can be drawn alone; use fixed_out_degree(k), or "
            "bernoulli(p) with nearly the same degrees."
        )
    if isinstance(rule, FixedDegree) and not rule.multapses:
        raise ValueError(
            "procedural: multapses=False would have to remember the targets of a row; use fixed_out_degree with multapses, "
            "or bernoulli(p), which never connects a pair twice."
        )
    if not can_be_procedural(rule.weight, rule.delay):
        raise TypeError(
            "procedural: `weight` must be a number, normal(mean, sd) or uniform(low, high), and `delay` None, a number of "
            f"steps or integers(low, high), got {rule!r}."
        )


def can_be_procedural(weight: Any, delay: Any) -> bool:
    """Whether weights and delays follow from a law and a key alone."""
    number = isinstance(weight, Normal | Uniform) or (not callable(weight) and np.ndim(weight) == 0)
    return number and (delay is None or isinstance(delay, int | Integers))


def draw(rule: Any, n_pre: int, n_post: int, key: Key) -> Procedural:
    """The matrix of a rule that has been checked."""
    name = _name(rule)
    law: dict[str, Any] = {"n_pre": n_pre, "n_post": n_post}
    tables: dict[str, Any] = {}
    if isinstance(rule, Lattice):
        law["grid"], tables["gaps"], tables["accept"], expected = rule.tables(n_pre, n_post)
        law["digits"] = tables["gaps"].shape[0]
        shown = f"lattice(radius={rule.radius})"
    else:
        check_autapses(name, n_pre, n_post, rule.autapses)
        law["autapses"] = rule.autapses
        choices = n_post if rule.autapses else max(n_post - 1, 0)
        if isinstance(rule, FixedDegree):
            if n_pre and rule.k and not choices:
                raise ValueError(f"{name}: `k` = {rule.k} is more than the 0 cells there are to choose from.")
            law["k"], expected, shown = int(rule.k), float(n_pre * rule.k), f"{name}(k={rule.k})"
        else:
            expected, shown = n_pre * choices * rule.p, f"{name}(p={rule.p:g})"
            if rule.p == 0.0:
                law["k"] = 0
            else:
                tables["gaps"] = ops.procedural.gap_table(rule.p)
                law["digits"] = tables["gaps"].shape[0]
    if isinstance(rule.weight, Normal):
        theta, law["weights"] = _pair(rule.weight.mean, rule.weight.sd), "normal"
        tables["normal"] = ops.procedural.normal_table()
    elif isinstance(rule.weight, Uniform):
        theta, law["weights"] = _pair(rule.weight.low, rule.weight.high), "uniform"
    else:
        theta = rule.weight
    delay = rule.delay
    if delay is not None:
        law["delays"] = (delay, delay) if isinstance(delay, int) else (delay.low, delay.high)
    return Procedural(theta, key, Law(**law), **tables, expected_nnz=expected, name=shown)


def _pair(first: Any, second: Any) -> Float[Array, "2"]:
    return jnp.stack([as_parameter(first), as_parameter(second)])
