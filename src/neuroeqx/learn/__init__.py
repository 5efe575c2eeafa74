"""Training: gradients of runs by several methods, a loop with batches and checkpoints, losses; readouts by least squares,
reservoirs, FORCE."""

from . import losses as losses
from ._batches import Batches as Batches
from ._checkpoint import load as load, save as save
from ._errors import mean_squared as mean_squared, misclassified as misclassified, nrmse as nrmse
from ._exact import exact_outputs as exact_outputs
from ._fit import Fit as Fit, fit as fit
from ._force import Force as Force, ForceState as ForceState
from ._grad import grad as grad, value_and_grad as value_and_grad
from ._metrics import accuracy as accuracy, confusion as confusion, rates as rates
from ._multi_start import multi_start as multi_start, MultiStart as MultiStart
from ._objective import each_step as each_step
from ._plan import Candidate as Candidate, Plan as Plan
from ._reservoir import echo_state as echo_state, EchoState as EchoState
from ._ridge import (
    Readout as Readout,
    ridge as ridge,
    ridge_by_validation as ridge_by_validation,
    Validated as Validated,
)
from ._rls import RLS as RLS, RLSState as RLSState
from ._teacher_forced import Forced as Forced, teacher_forced as teacher_forced
