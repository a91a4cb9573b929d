# SPDX-License-Identifier: Apache-2.0
"""ONNX operators in NumPy, by name: sums, norms, products, shapes, and the table of all (`MAKERS`).

What they compute is said in onnx/onnx@v1.17 docs/Operators.md (opset 13 and on).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from harmonize_core.runtime.numpy_makers import (
    Array,
    Attributes,
    Compute,
    Fixed,
    Maker,
    Unsupported,
    allocated,
    bound,
    plain,
    with_attributes,
)
from harmonize_core.runtime.numpy_pictures import conv, conv_transpose, grid_sample, pool_of, resize
from harmonize_core.runtime.numpy_pointwise import COMPARING, ELEMENTWISE, maker_of
from harmonize_core.runtime.onnx_file import TYPES


def _where(condition: Array, x: Array, y: Array) -> Array:
    allocated(np.broadcast_shapes(condition.shape, x.shape, y.shape))
    return np.where(condition, x, y)


# Sums and norms


def _reduce(function: Callable[..., Array]) -> Maker:
    def compute(attributes: Attributes, x: Array, axes: Array | None = None) -> Array:
        over = attributes.get("axes") if axes is None else [int(axis) for axis in axes]
        if not over and attributes.get("noop_with_empty_axes", 0):
            return x
        keep = bool(attributes.get("keepdims", 1))
        return np.asarray(function(x, axis=tuple(over) if over else None, keepdims=keep, dtype=x.dtype))

    return with_attributes(compute)


def _extreme(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axis, keepdims, dtype: function(x, axis=axis, keepdims=keepdims)


def _centred(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """Mean 0 and variance 1 over the axes."""
    x = x - x.mean(axis=axes, keepdims=True, dtype=x.dtype)
    variance = np.square(x).mean(axis=axes, keepdims=True, dtype=x.dtype)
    x /= np.sqrt(variance + np.float32(epsilon))
    return x


def _layer_norm(attributes: Attributes, x: Array, scale: Array, bias: Array | None = None) -> Array:
    first = attributes.get("axis", -1) % x.ndim
    result = _centred(x, tuple(range(first, x.ndim)), attributes.get("epsilon", 1e-5))
    result *= scale
    if bias is not None:
        result += bias
    return result


def _instance_norm(attributes: Attributes, x: Array, scale: Array, bias: Array) -> Array:
    result = _centred(x, tuple(range(2, x.ndim)), attributes.get("epsilon", 1e-5))
    result *= _per_channel(scale, x.ndim)
    result += _per_channel(bias, x.ndim)
    return result


def _batch_norm(attributes: Attributes, x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
    factor = scale / np.sqrt(variance + np.float32(attributes.get("epsilon", 1e-5)))
    return x * _per_channel(factor, x.ndim) + _per_channel(bias - mean * factor, x.ndim)


def _per_channel(values: Array, ndim: int, axis: int = 1) -> Array:
    return values if values.size == 1 else values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _softmax(attributes: Attributes, x: Array) -> Array:
    axis = attributes.get("axis", -1)
    result = x - x.max(axis=axis, keepdims=True)
    np.exp(result, out=result)
    result /= result.sum(axis=axis, keepdims=True)
    return result


# Products


def _matmul(x: Array, y: Array) -> Array:
    if x.ndim > 1 and y.ndim > 1:
        allocated((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]))
    return np.asarray(x @ y)


def _gemm(attributes: Attributes, a: Array, b: Array, c: Array | None = None) -> Array:
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    product = _matmul(a, b) * np.float32(attributes.get("alpha", 1.0))
    return product if c is None else product + c * np.float32(attributes.get("beta", 1.0))


# Shapes


def _reshape(attributes: Attributes, x: Array, shape: Array) -> Array:
    wanted = [int(side) for side in shape]
    if not attributes.get("allowzero", 0):
        wanted = [x.shape[i] if side == 0 else side for i, side in enumerate(wanted)]
    return x.reshape(wanted)


def _flatten(attributes: Attributes, x: Array) -> Array:
    axis = attributes.get("axis", 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _unsqueeze(x: Array, axes: Array) -> Array:
    return np.expand_dims(x, tuple(int(axis) for axis in axes))


def _squeeze(x: Array, axes: Array | None = None) -> Array:
    return np.squeeze(x, None if axes is None else tuple(int(axis) for axis in axes))


def _expand(x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, allocated(np.broadcast_shapes(x.shape, tuple(int(side) for side in shape))))


def _tile(x: Array, repeats: Array) -> Array:
    allocated([side * int(times) for side, times in zip(x.shape, repeats, strict=True)])
    return np.tile(x, [int(times) for times in repeats])


def _slice(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones(len(starts), np.int64) if steps is None else steps
    places = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps.tolist(), strict=True):
        size = x.shape[axis]
        if step < 0:  # an end before the first means to its very beginning
            end = None if end < -size else end
        places[axis] = slice(start, end, step)
    return x[tuple(places)]


def _split(attributes: Attributes, fixed: Fixed, outputs: int) -> Compute:
    def compute(x: Array, sizes: Array | None = None) -> list[Array]:
        axis = attributes.get("axis", 0)
        if sizes is None:
            each = -(-x.shape[axis] // outputs)
            ends = [each * (i + 1) for i in range(outputs - 1)]
        else:
            ends = np.cumsum(sizes)[:-1].tolist()
        return np.split(x, ends, axis)

    return bound(compute, fixed)


def _concat(attributes: Attributes, *arrays: Array) -> Array:
    return np.concatenate(arrays, axis=attributes["axis"])


def _transpose(attributes: Attributes, x: Array) -> Array:
    return x.transpose(attributes.get("perm"))


def _gather(attributes: Attributes, x: Array, indices: Array) -> Array:
    axis = attributes.get("axis", 0)
    allocated((*x.shape[:axis], *indices.shape, *x.shape[axis:][1:]))
    return np.asarray(np.take(x, indices, axis=axis))


def _pad(attributes: Attributes, x: Array, pads: Array, value: Array | None = None, axes: Array | None = None) -> Array:
    amounts = [int(amount) for amount in pads]
    over = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    widths = [(0, 0)] * x.ndim
    for i, axis in enumerate(over):
        widths[axis] = (amounts[i], amounts[i + len(amounts) // 2])
    allocated([side + before + after for side, (before, after) in zip(x.shape, widths, strict=True)])
    x = x[
        tuple(
            slice(max(0, -before), side - max(0, -after)) for side, (before, after) in zip(x.shape, widths, strict=True)
        )
    ]
    widths = [(max(0, before), max(0, after)) for before, after in widths]
    mode = attributes.get("mode", "constant")
    if mode == "constant":
        return np.pad(x, widths, constant_values=0 if value is None else value.reshape(()))
    if mode not in ("reflect", "edge", "wrap"):
        raise Unsupported(f"pads of mode {mode}")
    return np.pad(x, widths, mode=mode)


def _cast(attributes: Attributes, x: Array) -> Array:
    if attributes["to"] not in TYPES:
        raise Unsupported(f"casts to type {attributes['to']}")
    return x.astype(TYPES[attributes["to"]], copy=False)


def _constant(attributes: Attributes) -> Array:
    (value,) = attributes.values()
    if isinstance(value, float | list) and not isinstance(value, np.ndarray):
        one = value[0] if isinstance(value, list) and value else value
        return np.asarray(value, np.float32 if isinstance(one, float) else np.int64)
    return np.asarray(value)


def _constant_of_shape(attributes: Attributes, shape: Array) -> Array:
    value = attributes.get("value", np.zeros(1, np.float32))
    return np.full(allocated([int(side) for side in shape]), value.reshape(()))


def _quantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    axis = attributes.get("axis", 1)
    zero = np.zeros((), np.uint8) if zero is None else zero
    kind = np.iinfo(zero.dtype)
    levels = np.round(x / _per_channel(scale, x.ndim, axis)) + _per_channel(zero, x.ndim, axis)
    return np.clip(levels, kind.min, kind.max).astype(zero.dtype)


def _dequantize(attributes: Attributes, x: Array, scale: Array, zero: Array | None = None) -> Array:
    axis = attributes.get("axis", 1) % max(1, x.ndim)
    values = x.astype(np.float32)
    if zero is not None:
        values -= _per_channel(zero, x.ndim, axis).astype(np.float32)
    return values * _per_channel(scale, x.ndim, axis)


MAKERS: dict[str, Maker] = {
    **{name: maker_of(name) for name in (*ELEMENTWISE, *COMPARING)},
    "AveragePool": pool_of(largest=False),
    "BatchNormalization": with_attributes(_batch_norm),
    "Cast": with_attributes(_cast),
    "Concat": with_attributes(_concat),
    "Constant": with_attributes(_constant),
    "ConstantOfShape": with_attributes(_constant_of_shape),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DequantizeLinear": with_attributes(_dequantize),
    "Expand": plain(_expand),
    "Flatten": with_attributes(_flatten),
    "Gather": with_attributes(_gather),
    "Gemm": with_attributes(_gemm),
    "GlobalAveragePool": plain(lambda x: x.mean(axis=tuple(range(2, x.ndim)), keepdims=True, dtype=x.dtype)),
    "GlobalMaxPool": plain(lambda x: x.max(axis=tuple(range(2, x.ndim)), keepdims=True)),
    "GridSample": with_attributes(grid_sample),
    "Identity": plain(lambda x: x),
    "InstanceNormalization": with_attributes(_instance_norm),
    "LayerNormalization": with_attributes(_layer_norm),
    "MatMul": plain(_matmul),
    "MaxPool": pool_of(largest=True),
    "Pad": with_attributes(_pad),
    "QuantizeLinear": with_attributes(_quantize),
    "ReduceMax": _reduce(_extreme(np.max)),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(_extreme(np.min)),
    "ReduceSum": _reduce(np.sum),
    "Reshape": with_attributes(_reshape),
    "Resize": with_attributes(resize),
    "Shape": plain(lambda x: np.array(x.shape, np.int64)),
    "Slice": plain(_slice),
    "Softmax": with_attributes(_softmax),
    "Split": _split,
    "Squeeze": plain(_squeeze),
    "Tile": plain(_tile),
    "Transpose": with_attributes(_transpose),
    "Unsqueeze": plain(_unsqueeze),
    "Where": plain(_where),
}
"""By name."""
