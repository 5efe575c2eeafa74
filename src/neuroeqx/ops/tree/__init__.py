"""Solutions of the linear equations of trees of conductances."""

from ._solve import solve as solve
from ._tree import Tree as Tree
