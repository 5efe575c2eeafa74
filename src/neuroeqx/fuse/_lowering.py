"""How operations with native code are given to XLA."""

from collections.abc import Callable
from typing import Any

from jax.extend.core import Primitive
from jax.interpreters import mlir


def register(primitive: Primitive, meaning: Callable[..., Any], **forms: Callable[..., Any]) -> None:
    """
    - `meaning`: what the operation is where there is no native code.
    - `forms`: by platform, with it. What is exported for CPU has none, for it would not be there where it is loaded.
    """
    plain = mlir.lower_fun(meaning, multiple_results=True)
    mlir.register_lowering(primitive, plain)
    for platform, form in forms.items():
        mlir.register_lowering(primitive, _unless_exported(plain, form, platform), platform=platform)


def _unless_exported(plain: Any, form: Callable[..., Any], platform: str) -> Any:
    native = mlir.lower_fun(form, multiple_results=True)

    def lower(context: Any, *operands: Any, **params: Any) -> Any:
        exported = platform == "cpu" and context.module_context.lowering_parameters.for_export
        return (plain if exported else native)(context, *operands, **params)

    return lower
