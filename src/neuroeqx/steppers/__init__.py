"""One-step integration methods."""

from ._amplitudes import Amplitudes as Amplitudes
from ._diffrax import FromDiffrax as FromDiffrax
from ._euler import Euler as Euler
from ._euler_maruyama import EulerMaruyama as EulerMaruyama
from ._exact import Exact as Exact
from ._exp_euler import ExpEuler as ExpEuler
from ._exp_euler_block import ExpEulerBlock as ExpEulerBlock
from ._milstein import Milstein as Milstein
from ._repeated import Repeated as Repeated
from ._rk4 import RK4 as RK4
from ._staggered import Staggered as Staggered
from ._stochastic_heun import StochasticHeun as StochasticHeun
from ._strang import Strang as Strang
from ._voltage_first import VoltageFirst as VoltageFirst
