"""Random numbers as JAX draws them: keys of Threefry-2x32 (Salmon et al. 2011), and the inverse error function for normal ones.

A key is a pair of words in registers. Every number of an array is drawn from the key and its place, so that a loop draws as
many as a vector holds, and the same as XLA.
"""

from typing import Any

import jax
import numpy as np

from . import _functions as functions
from ._elementwise import EMITTERS, FUNCTIONS


_NUMBER = np.dtype(np.uint32)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def is_key(aval: Any) -> bool:
    return jax.dtypes.issubdtype(getattr(aval, "dtype", np.dtype(bool)), jax.dtypes.prng_key)


def is_threefry(aval: Any) -> bool:
    """Whether arrays are drawn with keys as here: with JAX's own generator, every number from its place."""
    config: Any = jax.config
    return str(aval.dtype) == "key<fry>" and bool(config.jax_threefry_partitionable)


def threefry(v, k0, k1, x0, x1):
    """Two words from the key and a counter."""
    keys = k0, k1, v.xor(v.xor(k0, k1), v.const(_PARITY, _NUMBER))
    x0, x1 = v.iadd(x0, k0), v.iadd(x1, k1)
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            x0 = v.iadd(x0, x1)
            turned = v.or_(v.shl(x1, v.const(bits, _NUMBER)), v.lshr(x1, v.const(32 - bits, _NUMBER)))
            x1 = v.xor(turned, x0)
        x0 = v.iadd(x0, keys[(group + 1) % 3])
        x1 = v.iadd(x1, v.iadd(keys[(group + 2) % 3], v.const(group + 1, _NUMBER)))
    return x0, x1


def _word(which):
    return lambda v, params, dtypes, result, *args: threefry(v, *args)[which]


EMITTERS["neuroeqx_threefry_first"], EMITTERS["neuroeqx_threefry_second"] = _word(0), _word(1)


def _random_bits(v, params, dtypes, result, k0, k1):
    first, second = threefry(v, k0, k1, v.const(0, _NUMBER), v.place())
    if result.itemsize == 4:
        return v.xor(first, second)
    wide = v.type(result)
    high = v.shl(v.builder.zext(first, wide), v.const(32, result))
    return v.or_(high, v.builder.zext(second, wide))


EMITTERS["neuroeqx_random_bits"] = _random_bits
FUNCTIONS.add("neuroeqx_random_bits")

# Of erf^-1(x) / x, polynomials in w = -log(1 - x^2) below 6.25, and in its square root above: about a number, the constant
# first. By interpolation at Chebyshev's points, as proposed by Giles (2010); errors 5e-10 (float32) and 7e-16.
_ERF_INV = {
    (4, 0): (3.125, (
        1.6536545626831027, 0.24015817844735166, -0.006033671032285515, -0.0007406910325430195,
        0.00018673466051691629, -1.389214124592301e-05, -1.3658217507589212e-06, 4.2698513895053384e-07,
        -2.895896037948332e-08, -4.752745619151995e-09, 1.0363882341451174e-09, 5.688216479117087e-12,
        -1.2570814414523687e-11,
    )),
    (4, 1): (3.35, (
        3.184461698378209, 1.0062298094715694, 0.004379514691992751, -0.002906141604562382, 0.0017780450809093548,
        -0.0011846040415874042, 0.0007168010241628195, -0.00033028264649548176, 6.50280134306945e-05,
        4.919224761643694e-05, -3.171015516692754e-05,
    )),
    (8, 0): (3.125, (
        1.6536545626831027, 0.2401581824255897, -0.006033670871427011, -0.0007407025341669402, 0.0001867342080212427,
        -1.3882523361276876e-05, -1.3654691796592068e-06, 4.2347877672780653e-07, -2.907038666019143e-08,
        -4.112633104297614e-09, 1.0512202440121784e-09, -5.4154417754696635e-11, -1.2977505202014966e-11,
        2.6335724924608484e-12, -8.106594456438496e-14, -4.0554139746886e-14, 6.581955305929239e-15,
        2.166994626283574e-17, -1.290702354613073e-16, 1.1125794759379464e-17, 1.1027771591500033e-18,
        -1.6787330615256773e-19, -2.362369698566107e-22,
    )),
    (8, 1): (3.25, (
        3.0838856104922208, 1.0052589676941646, 0.005370914553573593, -0.003751208508030541, 0.0024914420969979908,
        -0.0016882755445265592, 0.0009532893618552461, -0.00035503764895782253, 2.4031286377073694e-05,
        6.828561398530996e-05, -4.7319187369358214e-05, 1.2472740144742724e-05, 2.9264777314239854e-06,
        -4.008956966932278e-06, 1.497191022600222e-06, 1.3250759477977463e-08, -2.697313682066162e-07,
        9.284332225420571e-08,
    )),
    (8, 2): (5.05, (
        4.90042105144364, 1.010285017597772, -0.00016985809149340297, -0.00020031200668027357, 7.124031542245363e-05,
        -1.8374536139125653e-05, 4.193853753803149e-06, -9.070860240222452e-07, 2.016190552154886e-07,
        -5.493197748316723e-08, 2.182184091047108e-08, -1.1207461299741081e-08, 5.8058881045281164e-09,
        -2.63111320489407e-09, 1.0483309310240935e-09, -3.868291027600669e-10, 7.745384761724363e-11,
        2.8907082659821957e-11, -1.5439278197208357e-11,
    )),
}  # fmt: skip


def erf_inv(v, x, dtype):
    if np.dtype(dtype).itemsize == 4:
        return v.narrow(_erf_inv(v, v.widen(x), 4))
    return _erf_inv(v, x, 8)


def _erf_inv(v, x, size):
    real = np.dtype(np.float64)
    one = v.const(1, real)
    w = v.neg(functions.log(v, v.mul(v.exact_sub(one, x), v.exact_add(one, x)), real))
    root = v.sqrt(w)
    pieces = []
    for piece in range(2 if size == 4 else 3):
        centre, coefficients = _ERF_INV[size, piece]
        pieces.append(
            functions._polynomial(v, v.exact_sub(root if piece else w, v.const(centre, real)), coefficients, real)
        )
    y = pieces[0]
    for limit, further in zip((6.25, 16.0), pieces[1:], strict=False):
        y = v.select(v.compare("<", w, v.const(limit, real)), y, further)
    infinite = v.compare("==", v.abs(x), one)
    return v.mul(v.select(infinite, v.const(np.inf, real), y), x)


EMITTERS["erf_inv"] = lambda v, params, dtypes, result, x: erf_inv(v, x, result)
FUNCTIONS.add("erf_inv")
