"""Channels that are always open."""

from typing import Any

from ._channel import Channel


def leak(g: Any = 0.1, e: Any = -70.0) -> Channel:
    r"""Channels without gates, $g\, (E - v)$ (Hodgkin & Huxley 1952).

    **Arguments:**

    - `g`: conductance, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    """
    return Channel({}, g, e)


def k_leak(g: Any = 0.005, e: Any = -95.0) -> Channel:
    """Potassium channels without gates (Bazhenov et al. 2002).

    **Arguments:**

    - `g`: conductance, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    """
    return Channel({}, g, e)
