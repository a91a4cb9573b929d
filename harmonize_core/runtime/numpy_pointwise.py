# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that work point by point, in NumPy: onnx/onnx@v1.17 docs/Operators.md.

Those of `ELEMENTWISE` may write into an array that is needed no more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from harmonize_core.runtime.numpy_makers import Array, Attributes, Compute, Fixed, Maker, allocated, bound


def pointwise(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function of arrays that fit each other write to `spare` where that has the result's shape and type."""

    def compute(*arrays: Array | None, spare: Array | None = None) -> Array:
        given = [array for array in arrays if array is not None]
        shape = allocated(np.broadcast_shapes(*(array.shape for array in given)))
        kept = spare is not None and spare.shape == shape and all(array.dtype == spare.dtype for array in given)
        return np.asarray(function(*arrays, out=spare if kept else None))

    return compute


def _relu(x: Array, out: Array | None = None) -> Array:
    return np.maximum(x, x.dtype.type(0), out=out)


def _sigmoid(x: Array, out: Array | None = None) -> Array:
    result = np.negative(x, out=out)
    np.exp(result, out=result)
    result += 1
    return np.reciprocal(result, out=result)


def _elu(x: Array, out: Array | None = None, alpha: float = 1.0) -> Array:
    low = np.minimum(x, 0)
    np.exp(low, out=low)
    low -= 1
    low *= np.float32(alpha)
    result = np.maximum(x, 0, out=out)
    result += low
    return result


def _leaky_relu(x: Array, out: Array | None = None, alpha: float = 0.01) -> Array:
    low = np.minimum(x, 0)
    low *= np.float32(alpha)
    result = np.maximum(x, 0, out=out)
    result += low
    return result


def _clip(x: Array, low: Array | None = None, high: Array | None = None, out: Array | None = None) -> Array:
    result = x if low is None else np.maximum(x, low, out=out)
    if high is not None:
        result = np.minimum(result, high, out=out)
    return np.array(x) if result is x else result


def _divide(x: Array, y: Array, out: Array | None = None) -> Array:
    if np.issubdtype(x.dtype, np.integer):
        return np.trunc(x / y).astype(x.dtype)
    return np.divide(x, y, out=out)


def _power(x: Array, exponent: Array, out: Array | None = None) -> Array:
    if exponent.size == 1 and x.dtype == np.float32:
        power = float(exponent.reshape(()))
        if power == 2:
            return np.square(x, out=out)
        if power == 0.5:
            return np.sqrt(x, out=out)
    return np.power(x, exponent.astype(x.dtype), out=out)


def _erf(x: Array, out: Array | None = None) -> Array:
    """Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7."""
    far = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * far)
    series = np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    return np.copysign(1 - series * t * np.exp(-far * far), x, out=out)


def _hard_sigmoid(x: Array, out: Array | None = None, alpha: float = 0.2, beta: float = 0.5) -> Array:
    return np.clip(x * np.float32(alpha) + np.float32(beta), 0, 1, out=out)


def _fold(function: Callable[..., Array]) -> Callable[..., Array]:
    """Of two arguments to one of any number."""

    def compute(*arrays: Array, out: Array | None = None) -> Array:
        result = np.array(arrays[0])
        for array in arrays[1:]:
            result = function(result, array)
        return result

    return compute


UFUNCS: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Ceil": np.ceil,
    "Clip": _clip,
    "Div": _divide,
    "Erf": _erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Max": _fold(np.maximum),
    "Min": _fold(np.minimum),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pow": _power,
    "Reciprocal": np.reciprocal,
    "Relu": _relu,
    "Round": np.round,
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
}
WITH_ALPHA: dict[str, Callable[..., Array]] = {"Elu": _elu, "LeakyRelu": _leaky_relu, "HardSigmoid": _hard_sigmoid}

COMPARING: dict[str, Callable[..., Array]] = {
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "IsNaN": np.isnan,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Not": np.logical_not,
    "Or": np.logical_or,
}


def maker_of(name: str) -> Maker:
    """Of an operator of this file."""

    def maker(attributes: Attributes, fixed: Fixed, outputs: int) -> Compute:
        function = UFUNCS.get(name) or COMPARING.get(name) or functools.partial(WITH_ALPHA[name], **attributes)
        return bound(pointwise(function), fixed)

    return maker


ELEMENTWISE = frozenset({*UFUNCS, *WITH_ALPHA})
"""Operators whose function takes `spare` and gives an array of its own, or that one."""
