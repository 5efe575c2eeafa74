"""Models as dynamical systems: fixed points, bifurcations, cycles, exponents, mean fields."""

from ._bifurcations import Fold as Fold, fold as fold, Hopf as Hopf, hopf as hopf
from ._continuation import Branch as Branch, continuation as continuation
from ._fixed_points import fixed_points as fixed_points, FixedPoints as FixedPoints, slow_points as slow_points
from ._limit_cycle import limit_cycle as limit_cycle, LimitCycle as LimitCycle
from ._lyapunov import lyapunov_spectrum as lyapunov_spectrum
from ._mean_field import MeanField as MeanField
from ._phase_plane import phase_plane as phase_plane, PhasePlane as PhasePlane
from ._siegert import siegert as siegert
from ._stability import classify as classify, Stability as Stability, stability as stability
from ._steady_state import steady_state as steady_state
from ._system import System as System, system as system
