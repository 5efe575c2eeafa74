"""Spike functions: a step forwards, the derivative of a smooth function backwards."""

from ._arctan import Arctan as Arctan
from ._erf import Erf as Erf
from ._gaussian import Gaussian as Gaussian
from ._leaky_relu import LeakyReLU as LeakyReLU
from ._log_tailed_relu import LogTailedReLU as LogTailedReLU
from ._multi_gaussian import MultiGaussian as MultiGaussian
from ._piecewise_exponential import PiecewiseExponential as PiecewiseExponential
from ._piecewise_leaky_relu import PiecewiseLeakyReLU as PiecewiseLeakyReLU
from ._piecewise_linear import PiecewiseLinear as PiecewiseLinear
from ._piecewise_quadratic import PiecewiseQuadratic as PiecewiseQuadratic
from ._q_pseudo_spike import QPseudoSpike as QPseudoSpike
from ._relu_grad import ReLUGrad as ReLUGrad
from ._s2nn import S2NN as S2NN
from ._sigmoid import Sigmoid as Sigmoid
from ._signed_log import SignedLog as SignedLog
from ._slayer import Slayer as Slayer
from ._soft_sign import SoftSign as SoftSign
from ._squarewave_fourier import SquarewaveFourier as SquarewaveFourier
from ._superspike import SuperSpike as SuperSpike
