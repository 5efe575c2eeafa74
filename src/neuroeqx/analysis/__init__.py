"""Models as dynamical systems: fixed points, bifurcations, cycles, exponents, mean fields."""

from ._fixed_points import fixed_points as fixed_points, FixedPoints as FixedPoints, slow_points as slow_points
from ._stability import classify as classify, Stability as Stability, stability as stability
from ._steady_state import steady_state as steady_state
from ._system import System as System, system as system
