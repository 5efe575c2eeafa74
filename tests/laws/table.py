"""Every public cell and synapse, as the laws see it: how to make one, and an input that makes it work.

A public class that is missing here fails `test_table.py`.
"""

import diffrax
import jax
import neuroeqx as nex


def glif_of_level_5(**parameters):
    """With all the parts of which the lowest level has none."""
    currents = [nex.SpikeCurrent(0.003, 1.0, -9.18), nex.SpikeCurrent(0.1, 1.0, -198.94)]
    thresholds = nex.SpikeThreshold(0.009, 0.37), nex.VoltageThreshold(0.005, 0.09)
    return nex.GLIF(currents, nex.PartialReset(0.2, 5.0), *thresholds, **parameters)


def point_cell(**parameters):
    """With an ion whose concentration moves, and a channel that senses it."""
    c = nex.channels
    parts = {
        "na": c.na_hh1952(),
        "k": c.k_hh1952(),
        "leak": c.leak(0.3, -54.387),
        "t": c.ca_t_hm1992(0.5),
        "sk": c.k_sk(0.1),
    }
    return c.PointCell(parts, {"ca": c.CalciumPool()}, **parameters)


# name -> (make, current). `make(**parameters)` must accept any of the class's own parameters.
CELLS = {
    "LIF": (nex.LIF, 1.5),
    "LIF soft": (lambda **p: nex.LIF(resetting=nex.SoftReset(), **p), 1.5),
    "LIF Euler": (lambda **p: nex.LIF(stepper=nex.Euler(), **p), 1.5),
    "Leaky": (nex.Leaky, 0.7),
    "Graded": (nex.Graded, 0.7),
    "TraubMiles": (nex.TraubMiles, 500.0),
    "HodgkinHuxley": (nex.HodgkinHuxley, 10.0),
    "WangBuzsaki": (nex.WangBuzsaki, 2.0),
    "MorrisLecar": (nex.MorrisLecar, 150.0),
    "FitzHughNagumo": (nex.FitzHughNagumo, 1.0),
    "HindmarshRose": (nex.HindmarshRose, 3.0),
    "PointCell": (point_cell, 10.0),
    "IF": (nex.IF, 1.5),
    "ALIF": (nex.ALIF, 1.5),
    "ExpIF": (nex.ExpIF, 900.0),
    "AdEx": (nex.AdEx, 900.0),
    "QIF": (nex.QIF, 12.0),
    "AdaptiveQIF": (nex.AdaptiveQIF, 20.0),
    "Izhikevich": (nex.Izhikevich, 10.0),
    "Izhikevich2007": (nex.Izhikevich2007, 200.0),
    "GIF": (nex.GIF, 200.0),
    "GLIF": (glif_of_level_5, 400.0),
    "MAT2": (nex.MAT2, 800.0),
    "AtPeak": (lambda **p: nex.AtPeak(nex.FitzHughNagumo(**p)), 1.0),
    "EscapeRate": (lambda **p: nex.EscapeRate(nex.LIF(**p), 0.2), 1.5),
    "LIF Heun": (lambda **p: nex.LIF(stepper=nex.FromDiffrax(diffrax.Heun()), **p), 1.5),
    "Refractory": (lambda t_ref=2.0, **p: nex.Refractory(nex.LIF(**p), t_ref), 1.5),
    "Refractory TraubMiles": (lambda t_ref=2.0, **p: nex.Refractory(nex.TraubMiles(**p), t_ref), 500.0),
    "Every": (lambda **p: nex.Every(nex.LIF(**p), 3), 1.5),
    "Every Graded": (lambda **p: nex.Every(nex.Graded(**p), 3), 0.7),
    "Substeps": (lambda **p: nex.Substeps(nex.Refractory(nex.LIF(**p), 1.0), 4), 1.5),
    "WilsonCowan": (nex.rates.WilsonCowan, 1.5),
    "JansenRit": (nex.rates.JansenRit, 0.2),
    "WongWang": (nex.rates.WongWang, 0.004),
    "ReducedWongWang": (nex.rates.ReducedWongWang, 0.4),
    "MontbrioPazoRoxin": (nex.rates.MontbrioPazoRoxin, 2.0),
    "StuartLandau": (nex.rates.StuartLandau, 0.3),
    "VanDerPol": (nex.rates.VanDerPol, 0.5),
    "Kuramoto": (nex.rates.Kuramoto, 0.1),
    "Theta": (nex.rates.Theta, 1.5),
    "Balloon": (nex.rates.Balloon, 0.5),
    "ThresholdLinear": (nex.rates.ThresholdLinear, 20.0),
    "Counted": (lambda **p: nex.layers.Counted(nex.LIF(**p)), 1.5),
    "Chain": (lambda **p: nex.Chain(nex.STP(**p), nex.NMDA()), 0.3),
    "Expon": (nex.Expon, 0.3),
    "Instant": (nex.Instant, 0.3),
    "DualExpon": (nex.DualExpon, 0.3),
    "Alpha": (nex.Alpha, 0.3),
    "LinearKernel": (lambda: nex.LinearKernel([[-0.2, 1.5], [-1.5, -0.2]], [0.5, 0.0], [1.0, 2.0]), 0.3),
    "STD": (nex.STD, 0.3),
    "STP": (nex.STP, 0.3),
    "AMPA": (nex.AMPA, 0.3),
    "GABAa": (nex.GABAa, 0.3),
    "GABAb": (nex.GABAb, 0.3),
    "NMDA": (nex.NMDA, 0.3),
    "NMDASecondOrder": (nex.NMDASecondOrder, 0.3),
}

STEPPERS = {
    "Euler": nex.Euler(),
    "ExpEuler": nex.ExpEuler(),
    "ExpEulerBlock": nex.ExpEulerBlock(),
    "Exact": nex.Exact(),
    "VoltageFirst": nex.VoltageFirst(),
    "Repeated": nex.Repeated(nex.RK4(), 2),
    "RK4": nex.RK4(),
    "Staggered": nex.steppers.Staggered(),
    "Strang": nex.Strang(),
    "EulerMaruyama": nex.EulerMaruyama(0.1),
    "Milstein": nex.Milstein(0.1),
    "StochasticHeun": nex.StochasticHeun(0.1),
    "FromDiffrax": nex.FromDiffrax(diffrax.Heun()),
}

SURROGATES = {
    "SuperSpike": nex.SuperSpike(),
    "Arctan": nex.Arctan(),
    "Sigmoid": nex.Sigmoid(),
    "PiecewiseLinear": nex.PiecewiseLinear(),
    **{
        name: getattr(nex.surrogate, name)()
        for name in (
            "Erf",
            "Gaussian",
            "LeakyReLU",
            "LogTailedReLU",
            "MultiGaussian",
            "PiecewiseExponential",
            "PiecewiseLeakyReLU",
            "PiecewiseQuadratic",
            "QPseudoSpike",
            "ReLUGrad",
            "S2NN",
            "SignedLog",
            "Slayer",
            "SoftSign",
            "SquarewaveFourier",
        )
    },
}

OUTPUTS = {"COBA": nex.COBA(-80.0), "CUBA": nex.CUBA(), "Delta": nex.Delta(), "MgBlock": nex.MgBlock()}

COUPLINGS = {
    "Additive": nex.Additive(),
    "GapJunction": nex.GapJunction(),
    "Sine": nex.rates.Sine(0.3),
    "RectifyingGapJunction": nex.RectifyingGapJunction(1.0, 0.5, 0.2),
}

RESETS = {"HardReset": nex.HardReset(), "SoftReset": nex.SoftReset(), "PartialReset": nex.PartialReset(0.2, 0.1)}

DRIVES = {
    "StepCurrent": nex.StepCurrent(1.0, 2.0, 5.0),
    "RampCurrent": nex.RampCurrent(0.0, 1.0, 2.0, 5.0),
    "SineCurrent": nex.SineCurrent(1.0, 10.0),
    "PiecewiseCurrent": nex.PiecewiseCurrent([1.0, 3.0], [1.0, -1.0]),
    "NoiseCurrent": nex.NoiseCurrent(0.0, 1.0, (4,)),
}

SOURCES = {
    "Poisson": nex.Poisson(200.0, 4),
    "PoissonInput": nex.PoissonInput(100, 200.0, 4),
    "GammaProcess": nex.GammaProcess(3, 200.0, 4),
    "RenewalProcess": nex.RenewalProcess(nex.connect.gamma(5.0, 8.0), 4),
    "OrnsteinUhlenbeck": nex.OrnsteinUhlenbeck(1.0, 0.5, 5.0, 4),
    "SpikeTimes": nex.SpikeTimes([0.0, 0.5, 0.5], [0, 1, 1], 4),
    "EchoState": nex.learn.echo_state(2, 4, key=jax.random.key(0)),
}
