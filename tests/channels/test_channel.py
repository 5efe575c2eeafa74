"""Gates and channels: exact relaxation, temperature, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx import channels


V = np.array([-90.0, -50.0, -20.0, 30.0])


def opening(v):
    """A user's own function."""
    return 0.2 * jnp.exp(v / 40.0)


def make(**parameters):
    return channels.Channel(
        {
            "a": channels.RateGate(opening, channels.Constant(0.3), 2, channels.Q10(3.0, 20.0)),
            "b": channels.RelaxationGate(
                channels.Boltzmann(-40.0, -5.0), channels.Bell(4.0, -30.0, 20.0, -30.0, -20.0)
            ),
            "c": channels.InstantGate(channels.Boltzmann(-30.0, 8.0), 3),
        },
        **({"g": 2.0, "e": -70.0, "celsius": 30.0} | parameters),
    )


def test_gates_relax_exactly(dtype):
    """In one step of any length, in both forms, at a temperature; the gate without inertia is no variable."""
    channel, v, t = make(), jnp.asarray(V), 1.7
    before = {"a": jnp.full_like(v, 0.9), "b": jnp.full_like(v, 0.1)}
    found, slopes, steady, g, affine, current = jax.jit(
        lambda v: (
            channel.advance(before, v, {}, t),
            channel.derivative(before, v, {}),
            channel.init(v, {}),
            channel.conductance(before, v, {}),
            channel.affine(before, v, {}),
            channel.current(before, v, {}),
        )
    )(v)
    assert set(found) == set(steady) == {"a", "b"}
    alpha, beta, phi = 0.2 * np.exp(V / 40.0), 0.3, 3.0
    inf_a, rate_a = alpha / (alpha + beta), phi * (alpha + beta)
    inf_b, rate_b = 1.0 / (1.0 + np.exp((V + 40.0) / 5.0)), np.cosh((V + 30.0) / 20.0) / 2.0
    tolerance = {"rtol": 5e-6 if dtype == "float32" else 1e-12, "atol": 1e-7 if dtype == "float32" else 1e-14}
    for name, start, inf, rate in (("a", 0.9, inf_a, rate_a), ("b", 0.1, inf_b, rate_b)):
        np.testing.assert_allclose(found[name], inf + (start - inf) * np.exp(-t * rate), **tolerance)
        np.testing.assert_allclose(slopes[name], rate * (inf - start), **tolerance)
        np.testing.assert_allclose(steady[name], inf, **tolerance)
        assert found[name].dtype == dtype
    expected = 2.0 * 0.9**2 * 0.1 * (1.0 + np.exp(-(V + 30.0) / 8.0)) ** -3
    np.testing.assert_allclose(g, expected, **tolerance)
    np.testing.assert_allclose(current, expected * (-70.0 - V), rtol=1e-5)
    np.testing.assert_allclose(affine.b, expected, **tolerance)
    np.testing.assert_allclose(affine.a - affine.b * v, current, rtol=1e-4, atol=1e-4)


def test_currents_are_given_to_the_ions_that_flow():
    membrane = channels.Membrane(
        {
            "leak": channels.leak(0.5, -70.0),
            "ca": channels.leak(0.1, "ca"),
            "other": channels.Channel({}, 0.2, 50.0, ion="ca"),
            "k": channels.leak(0.3, "k"),
        },
        {"ca": channels.CalciumFirstOrder(alpha=1.0, beta=2.0, start=0.5), "k": channels.FixedIon(-90.0)},
    )
    v = jnp.asarray(-60.0)
    state = membrane.init(v)
    total, rates = membrane.derivative(state, v)
    calcium = 0.1 * (120.0 + 60.0) + 0.2 * (50.0 + 60.0)
    np.testing.assert_allclose(total, 0.5 * -10.0 + calcium + 0.3 * -30.0, rtol=1e-6)
    np.testing.assert_allclose(membrane.current(state, v), total)
    np.testing.assert_allclose(membrane.affine(state, v)(v), total, rtol=1e-5)
    assert rates.ions["k"] is None
    np.testing.assert_allclose(rates.ions["ca"], calcium - 2.0 * 0.5, rtol=1e-6)
    # Exact at this current.
    after = membrane.advance(state, v, 0.4).ions["ca"]
    np.testing.assert_allclose(after, calcium / 2.0 + (0.5 - calcium / 2.0) * np.exp(-0.8), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: channels.RateGate(opening, opening, 0),
            ValueError,
            "`power` must be a whole number of at least 1, got 0",
        ),
        (lambda: channels.RateGate(opening, opening, -2), ValueError, "`power` must be .* got -2"),
        (lambda: channels.InstantGate(opening, -1), ValueError, "`power` must be .* got -1"),
        (lambda: channels.Q10(-3.0, 20.0), ValueError, "`factor` must be positive"),
        (lambda: make(celsius=None), ValueError, "gate 'a' has a `q10`, so the channel needs a temperature: `celsius`"),
        (lambda: make(g=np.nan), ValueError, "`g` must be finite"),
        (lambda: make(e="k", ion="na"), ValueError, "says which ion flows"),
        (lambda: make(driving=channels.GHK()), ValueError, "the name of the ion that it drives"),
        (lambda: channels.Channel({"m": opening}, 1.0, 0.0), TypeError, "gate 'm' must be a RateGate"),
        (lambda: channels.Boltzmann(np.inf, 5.0), ValueError, "`v_half` must be finite"),
        (lambda: channels.Boltzmann(-40.0, 0.0), ValueError, "`k` must not be zero"),
        (lambda: channels.Binding(1.0, n=0), ValueError, "`n` must be a whole number of ions"),
        (lambda: channels.Raised(opening, 0), ValueError, "`n` must be a whole number"),
        (lambda: channels.Hill(0.1)(jnp.zeros(())), ValueError, "function of a concentration"),
        (lambda: channels.GHK(0), ValueError, "`valence` must be a whole number other than 0"),
        (lambda: channels.NernstIon(0.0, 2.0), ValueError, "`inner` must be positive"),
        (lambda: channels.NernstIon(1.0, 2.0, 0), ValueError, "`valence` must be"),
        (lambda: channels.CalciumPool(tau=-1.0), ValueError, "`tau` must be positive"),
        (lambda: channels.CalciumFirstOrder(beta=0.0), ValueError, "`beta` must be positive"),
        (lambda: channels.FixedIon(np.nan), ValueError, "`e` must be finite"),
        (
            lambda: channels.Membrane({"t": channels.ca_t_hm1992()}, {"na": channels.FixedIon(50.0)}),
            ValueError,
            r"channel 't' names the ion 'ca'; `ions` has \['na'\]",
        ),
        (
            lambda: channels.Membrane({"sk": channels.k_sk()}, {"ca": channels.FixedIon(120.0)}),
            ValueError,
            "needs the concentration 'inner' of the ion 'ca', which FixedIon does not have",
        ),
        (lambda: channels.Membrane({"m": opening}), TypeError, "channel 'm' must be a Channel"),
        (lambda: channels.Membrane({}, {"ca": 120.0}), TypeError, "ion 'ca' must be an ion"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
