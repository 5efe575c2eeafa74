: Sodium and potassium inside, and potassium outside, follow their currents.
NEURON {
    SUFFIX nakpool
    USEION na READ ina WRITE nai
    USEION k READ ik WRITE ki, ko
    RANGE depth, ratio
}
UNITS { (mA) = (milliamp) (mM) = (milli/liter) (um) = (micron) FARADAY = (faraday) (coulomb) }
PARAMETER { depth = 0.05 (um) ratio = 0.2 }
ASSIGNED { ina (mA/cm2) ik (mA/cm2) }
STATE { nai (mM) ki (mM) ko (mM) }
BREAKPOINT { SOLVE flow METHOD derivimplicit }
DERIVATIVE flow {
    nai' = -(1e4) * ina / (FARADAY * depth)
    ki' = -(1e4) * ik / (FARADAY * depth)
    ko' = (1e4) * ratio * ik / (FARADAY * depth)
}
