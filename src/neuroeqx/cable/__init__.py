"""Cells with an extent: their shape, from SWC files or by hand, compartments, and the cable equation on them.

A `Morphology` is a tree of branches, `Compartments` are its pieces, and a `Cell` is these with a membrane made of `channels`, a
cell as any other, whose last axis is that of compartments. Units are um, ms, mV, uF/cm2, mS/cm2, uA/cm2 and ohm cm.
"""

from ._branch import Branch as Branch
from ._cell import Cell as Cell, CellState as CellState
from ._compartments import Compartments as Compartments
from ._methods import BackwardEuler as BackwardEuler, CrankNicolson as CrankNicolson
from ._morphology import Morphology as Morphology
from ._rules import DLambda as DLambda, MaxLength as MaxLength
from ._swc import read_swc as read_swc
