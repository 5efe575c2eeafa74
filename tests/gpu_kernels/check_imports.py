"""Nothing is imported for GPUs before a program is lowered for one."""

import sys
import types

import jax
import jax.numpy as jnp
import neuroeqx as nex
import pytest
from neuroeqx.ops import csr, events, fanout


HEAVY = {"triton", "jax_triton"}


def test_programs_for_cpu_leave_triton_alone():
    x, indices = jnp.ones(3), jnp.zeros((3, 2), jnp.int32)
    product = lambda x: fanout.matvec(jnp.ones((3, 2)), indices, x, n_post=4)
    jax.jit(jax.value_and_grad(lambda x: jnp.sum(product(x))))(x)
    jax.jit(lambda x: csr.matvec(jnp.ones(6), indices.reshape(-1), jnp.arange(0, 7, 2), x, n_post=4))(x)
    jax.jit(events.compact)(x)
    projection = nex.Projection("E", "E", "ampa", nex.connect.bernoulli(p=0.5, weight=0.6), delay=0.1)
    receptors = {"ampa": nex.Receptor(nex.Expon(tau=5.0), nex.COBA(e=0.0))}
    net = nex.Network({"E": nex.Population(nex.LIF(), 20, receptors)}, [projection], key=jax.random.key(0))
    assert nex.simulate(net, 1.0, 0.1, inputs={"E": 20.0}, record={"E": nex.spikes("E")}).t1 == 1.0
    assert not HEAVY & set(sys.modules)


def lower_for_cuda():
    product = lambda x: fanout.matvec(jnp.ones((3, 2)), jnp.zeros((3, 2), jnp.int32), x, n_post=4)
    return jax.jit(product).trace(jnp.ones(3)).lower(lowering_platforms=("cuda",))


def test_without_jax_triton_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax_triton", None)
    with pytest.raises(ImportError, match=r"install neuroeqx\[cuda\], or use backend='reference'"):
        lower_for_cuda()


def test_a_later_jax_triton_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax_triton", types.SimpleNamespace(__version__="0.4.1"))
    with pytest.raises(ImportError, match="jax-triton is 0.4.1, expected 0.3"):
        lower_for_cuda()
