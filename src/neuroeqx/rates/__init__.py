"""Rate models and models of masses of neurons: a cell is a population of a brain area, or an oscillator."""

from ._balloon import Balloon as Balloon
from ._jansen_rit import JansenRit as JansenRit
from ._kuramoto import Kuramoto as Kuramoto
from ._montbrio_pazo_roxin import MontbrioPazoRoxin as MontbrioPazoRoxin
from ._reduced_wong_wang import ReducedWongWang as ReducedWongWang
from ._sine import Sine as Sine
from ._stuart_landau import StuartLandau as StuartLandau
from ._theta import Theta as Theta
from ._threshold_linear import ThresholdLinear as ThresholdLinear
from ._van_der_pol import VanDerPol as VanDerPol
from ._wilson_cowan import WilsonCowan as WilsonCowan
from ._wong_wang import WongWang as WongWang
