: A pump of three sodium ions for two of potassium (Kager et al. 2000).
NEURON {
    SUFFIX nakpump
    USEION na READ nai WRITE ina
    USEION k READ ko WRITE ik
    RANGE imax
}
UNITS { (mA) = (milliamp) (mM) = (milli/liter) }
PARAMETER { imax = 0.02 (mA/cm2) halfna = 10 (mM) halfk = 3.5 (mM) }
ASSIGNED { nai (mM) ko (mM) ina (mA/cm2) ik (mA/cm2) ip (mA/cm2) }
BREAKPOINT {
    ip = imax / ((1 + halfna / nai)^3 * (1 + halfk / ko)^2)
    ina = 3 * ip
    ik = -2 * ip
}
