"""The pump that keeps sodium out and potassium in."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._current import Affine
from .._fields import check_finite, param
from .._types import Parameter, Time
from ._channel import AbstractChannel, Gates, Ions


class SodiumPotassiumPump(AbstractChannel):
    r"""The sodium-potassium pump (Kager et al. 2000), which takes three sodium ions out of the cell for two of potassium that
    it brings in, and so hyperpolarises; its net current out of the cell is

    $I = I_{max} \left(1 + \frac{K_{Na}}{[Na]_{in}}\right)^{-3} \left(1 + \frac{K_K}{[K]_{out}}\right)^{-2}$.

    Of sodium 3 I go out, of potassium 2 I come in. `IonPool`s of the two follow these currents. There is no state.

    ```python
    ions = {"na": nex.channels.IonPool(10.0, 140.0), "k": nex.channels.IonPool(130.0, 4.0, ratio=4.0)}
    membrane = nex.channels.Membrane({"pump": nex.channels.SodiumPotassiumPump(5.0)}, ions)
    ```

    **Arguments:**

    - `i_max`: $I_{max}$, the net current at saturation, not negative, uA/cm2.
    - `half_na`: $K_{Na}$, of sodium inside, positive, mM.
    - `half_k`: $K_K$, of potassium outside, positive, mM.
    - `sodium`, `potassium`: the names of the ions.
    """

    i_max: Parameter = param(5.0)
    half_na: Parameter = param(10.0)
    half_k: Parameter = param(3.5)
    sodium: str = eqx.field(default="na", static=True)
    potassium: str = eqx.field(default="k", static=True)

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "i_max")
        check_positive(self, "half_na", "half_k")
        if self.sodium == self.potassium:
            raise ValueError(f"SodiumPotassiumPump: `sodium` and `potassium` are both {self.sodium!r}; give two ions.")

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        return {self.sodium: ("inner",), self.potassium: ("outer",)}

    def init(self, v: Float[Array, "..."], ions: Ions) -> Gates:
        del v, ions
        return {}

    def derivative(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Gates:
        del gates, v, ions
        return {}

    def advance(self, gates: Gates, v: Float[Array, "..."], ions: Ions, dt: Time) -> Gates:
        del gates, v, ions, dt
        return {}

    def conductance(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        """None: the current does not depend on the voltage."""
        del gates, ions
        return jnp.zeros_like(v)

    def current(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        del gates
        inner, outer = ions[self.sodium].inner, ions[self.potassium].outer
        na = inner / (inner + self.half_na)  # pyright: ignore[reportOptionalOperand]
        k = outer / (outer + self.half_k)  # pyright: ignore[reportOptionalOperand]
        return jnp.broadcast_to(-self.i_max * (na * na * na) * (k * k), v.shape)

    def affine(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Affine:
        return Affine(self.current(gates, v, ions), jnp.zeros_like(v))

    def by_ion(self, current: Float[Array, "..."]) -> dict[str, Float[Array, "..."]]:
        return {self.sodium: 3.0 * current, self.potassium: -2.0 * current}
