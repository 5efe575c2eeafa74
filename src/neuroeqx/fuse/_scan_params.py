"""What the parameters of a `lax.scan` say of its operands: constants, then the carry, then what is given for each step.

JAX 0.10 counts them (`num_consts`, `num_carry`); JAX 0.11 has a tree of them (`ft_in`), whose class is not public.
"""

from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn


def counts(eqn: JaxprEqn) -> tuple[int, int]:
    """How many operands are constants, and how many the carry."""
    params = eqn.params
    if "ft_in" in params:
        consts, carry, _ = params["ft_in"].unpack()
        return len(consts), len(carry)
    return params["num_consts"], params["num_carry"]


def is_over_its_carry(eqn: JaxprEqn) -> bool:
    """Whether nothing is given for each step, and nothing is kept of it."""
    consts, carry = counts(eqn)
    return consts + carry == len(eqn.invars) and carry == len(eqn.outvars)


def with_constants(params: dict[str, Any], body: ClosedJaxpr, consts: int, carry: int) -> dict[str, Any]:
    """The parameters of a scan over its carry with another body, which has another number of constants."""

    def like(consts: list[Any], carry: list[Any]) -> Any:
        # All is used and changed, so that JAX takes nothing out.
        return lax.scan(lambda carry, _: ([sum(consts, start=x + 1) for x in carry], None), carry, length=1)

    [eqn] = jax.make_jaxpr(like)([0] * consts, [0] * carry).jaxpr.eqns
    assert counts(eqn) == (consts, carry)
    kept = {name: params[name] for name in ("length", "reverse", "unroll")}
    return eqn.params | kept | {"jaxpr": body}
