"""What the primitives of all products share: how they run outside of jit and what they are lowered to."""

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir
from jax.sharding import NamedSharding, PartitionSpec


Backend: TypeAlias = Literal["native", "reference", "triton"] | None

_PLATFORMS = {"native": ("cpu",), "triton": ("cuda", "rocm")}


def check_backend(backend: Backend) -> None:
    if backend not in (None, "reference", *_PLATFORMS):
        raise ValueError(f"backend is {backend!r}, expected None, 'reference', 'native' or 'triton'")


def result_type(like: ShapedArray, shape: tuple[int, ...]) -> ShapedArray:
    """A result with the dtype of an operand that, inside of `jax.shard_map`, differs between devices as that does."""
    sharding = NamedSharding(like.sharding.mesh, PartitionSpec(*(None for _ in shape)))
    return like.update(shape=shape, weak_type=False, sharding=sharding)


def zero_tangent(result: Any) -> Any:
    """The tangent of a result that depends on nothing that has one."""
    return ad.Zero(jax.typeof(result).to_tangent_aval())


def bind(primitive: Primitive, *operands: Any, **params: Any) -> Any:
    """Applies a primitive of ours.

    Inside of `jax.shard_map` an operand that is the same on all devices is marked as differing when another one
    differs. The transpose of that mark is the sum over the devices: without it gradients would lack it, silently.
    """
    varying = [jax.typeof(operand).manual_axis_type.varying for operand in operands]
    every = frozenset().union(*varying)
    if every:
        missing = [tuple(sorted(every - own)) for own in varying]
        pairs = zip(operands, missing, strict=True)
        operands = tuple(lax.pcast(operand, axes, to="varying") if axes else operand for operand, axes in pairs)
    return primitive.bind(*operands, **params)


def make_primitive(
    name: str,
    abstract: Callable,
    reference: Callable,
    native: Callable,
    triton: Callable,
    *,
    multiple_results: bool = False,
) -> Primitive:
    """A primitive with the static parameter `backend`, lowered to native code on CPU, to Triton kernels on GPUs and to
    pure JAX elsewhere.

    **Arguments:**

    - `name`: of the primitive.
    - `abstract`: from the shapes of the operands and all parameters to those of the results.
    - `reference`: the same function in pure JAX. Takes all parameters but `backend`.
    - `native`: the same function as a call of native code for CPU.
    - `triton`: the same function as a call of Triton kernels.
    - `multiple_results`: whether these return lists.
    """
    primitive = Primitive(name)
    primitive.multiple_results = multiple_results
    primitive.def_abstract_eval(abstract)
    compiled = functools.cache(lambda **params: jax.jit(functools.partial(primitive.bind, **params)))

    def run(*args, **params):
        with jax.disable_jit(False):  # compiling is the only way to run it
            return compiled(**params)(*args)

    def lowering(own: str, function: Callable) -> Callable:
        def lower(*args, backend, **params):
            if backend not in (None, "reference", own):
                raise ValueError(
                    f"backend={backend!r} runs on {' and '.join(_PLATFORMS[backend])} only; leave backend=None to choose "
                    "by platform"
                )
            return (reference if backend == "reference" else function)(*args, **params)

        return mlir.lower_fun(lower, multiple_results=multiple_results)

    primitive.def_impl(run)
    mlir.register_lowering(primitive, lowering("reference", reference))
    for own, function in (("native", native), ("triton", triton)):
        for platform in _PLATFORMS[own]:
            mlir.register_lowering(primitive, lowering(own, function), platform=platform)
    return primitive
