# SPDX-License-Identifier: Apache-2.0
"""ONNX operators of pictures, in NumPy: convolutions, pools, resizing and sampling (onnx/onnx@v1.17 docs/Operators.md).

What they compute is in `numpy_convolution.py` and `numpy_sampling.py`; here their attributes are read and checked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harmonize_core.runtime import numpy_sampling as sampling
from harmonize_core.runtime.numpy_convolution import (
    Finish,
    Window,
    convolve,
    convolve_depthwise,
    pool,
    same_padding,
    transposed_windows,
)
from harmonize_core.runtime.numpy_makers import (
    Array,
    Attributes,
    Compute,
    Fixed,
    Maker,
    Unsupported,
    allocated,
    with_attributes,
)


def _weights(attributes: Attributes, fixed: Fixed) -> tuple[Array, Array | None]:
    weights, bias = fixed[1], fixed[2] if len(fixed) > 2 else None
    if not isinstance(weights, np.ndarray) or weights.ndim != 4 or bias is ...:
        raise Unsupported("convolutions other than those of pictures with constant weights")
    return weights, bias


def _window(attributes: Attributes, kernel: Sequence[int], size_hw: Sequence[int]) -> Window:
    strides, dilations = (tuple(attributes.get(name, (1, 1))) for name in ("strides", "dilations"))
    pads = attributes.get("pads", (0, 0, 0, 0))
    before, after = tuple(pads[:2]), tuple(pads[2:])
    padding = attributes.get("auto_pad", "NOTSET")
    if not len(kernel) == len(strides) == len(dilations) == len(before) == len(after) == 2:
        raise Unsupported("convolutions and pools other than those of pictures")
    if min(*kernel, *strides, *dilations) < 1 or min(pads) < 0 or max(*kernel, *dilations, *pads) > 2**15:
        raise ValueError("a convolution or pool of impossible sizes")
    if padding != "NOTSET":
        before, after = same_padding(padding, tuple(kernel), strides, dilations, size_hw)
    return Window(tuple(kernel), strides, before, after, dilations)


def conv(attributes: Attributes, fixed: Fixed, outputs: int, finish: Finish = lambda values: None) -> Compute:
    """Conv; what follows point by point may run with it."""
    weights, bias = _weights(attributes, fixed)
    group, count, per_group = attributes.get("group", 1), len(weights), weights.shape[1]
    if group < 1 or count % group:
        raise ValueError("a convolution of groups that do not fit")
    depthwise = group == count and per_group == 1
    laid_out = weights[:, 0] if depthwise else np.ascontiguousarray(weights.transpose(0, 2, 3, 1))

    def compute(x: Array) -> Array:
        if x.ndim != 4 or x.shape[1] != group * per_group:
            raise ValueError(f"a convolution of {group * per_group} channels got {x.shape}")
        window = _window(attributes, weights.shape[2:], x.shape[2:])
        result = np.empty(allocated((len(x), count, *window.size(x.shape[2:]))), np.float32)
        x = np.ascontiguousarray(x)
        for picture, out in zip(x, result, strict=True):
            if depthwise:
                convolve_depthwise(picture, laid_out, bias, window, finish, out)
                continue
            parts = [np.array_split(array, group) for array in (picture, laid_out, out)]
            biases = np.array_split(bias, group) if bias is not None else [None] * group
            for source, weight, offset, target in zip(parts[0], parts[1], biases, parts[2], strict=True):
                convolve(source, weight, offset, window, finish, target)
        return result

    return compute


def conv_transpose(attributes: Attributes, fixed: Fixed, outputs: int, finish: Finish = lambda values: None) -> Compute:
    """ConvTranspose; what follows point by point may run with it."""
    weights, bias = _weights(attributes, fixed)
    if attributes.get("group", 1) != 1 or set(attributes.get("dilations", [1])) != {1} or "output_shape" in attributes:
        raise Unsupported("transposed convolutions in groups, with dilation or of a given output shape")
    if attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise Unsupported("transposed convolutions with auto_pad")
    more = attributes.get("output_padding", (0, 0))
    laid_out = weights.transpose(1, 2, 3, 0)  # (D, rows, columns, C)

    def compute(x: Array) -> Array:
        if x.ndim != 4 or x.shape[1] != len(weights):
            raise ValueError(f"a transposed convolution of {len(weights)} channels got {x.shape}")
        window = _window(attributes, weights.shape[2:], x.shape[2:])
        rows, columns = (
            (x.shape[i + 2] - 1) * window.stride[i] + window.kernel[i] + more[i] - window.before[i] - window.after[i]
            for i in (0, 1)
        )
        result = np.empty(allocated((len(x), len(laid_out), rows, columns)), np.float32)
        for picture, out in zip(np.ascontiguousarray(x), result, strict=True):
            for (top, left), size, (down, across), part in transposed_windows(window, x.shape[2:], (rows, columns)):
                target = np.zeros((len(laid_out), *size), np.float32)
                if len(down) and len(across):
                    some = np.ascontiguousarray(laid_out[:, down][:, :, across])
                    convolve(picture, some, bias, part, finish, target)
                else:
                    target += 0 if bias is None else bias[:, None, None]
                    finish(target)
                out[:, top :: window.stride[0], left :: window.stride[1]] = target
        return result

    return compute


def pool_of(largest: bool) -> Maker:
    """MaxPool, or AveragePool."""

    def compute(attributes: Attributes, x: Array) -> Array:
        if attributes.get("ceil_mode", 0) or x.ndim != 4:
            raise Unsupported("pools with ceil_mode or of other things than pictures")
        window = _window(attributes, attributes["kernel_shape"], x.shape[2:])
        allocated((*x.shape[:2], *window.size(x.shape[2:])))
        return pool(x, window, largest, bool(attributes.get("count_include_pad", 0)))

    return with_attributes(compute)


def resize(
    attributes: Attributes,
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
) -> Array:
    """Resize."""
    mode = attributes.get("mode", "nearest")
    coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = attributes.get("nearest_mode", "round_prefer_floor")
    if attributes.get("antialias", 0) or attributes.get("exclude_outside", 0) or "axes" in attributes:
        raise Unsupported("resizing with antialias, exclude_outside or axes")
    if coordinates not in sampling.COORDINATES or rounding not in sampling.ROUNDING:
        raise Unsupported(f"resizing with {coordinates} and {rounding}")
    if mode not in ("nearest", "linear", "cubic") or x.ndim != 4:
        raise Unsupported(f"resizing by {mode}, or of other things than pictures")
    if attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unsupported("resizing that keeps the aspect ratio")
    if sizes is not None and sizes.size:
        out = allocated([int(size) for size in sizes])
        factors = [new / old for new, old in zip(out, x.shape, strict=True)]
    elif scales is not None:
        factors = [float(scale) for scale in scales]
        out = allocated([math.floor(size * factor) for size, factor in zip(x.shape, factors, strict=True)])
    else:
        raise ValueError("a resize without a size")
    if out[:2] != x.shape[:2]:
        raise Unsupported("resizing across channels")
    cubic = attributes.get("cubic_coeff_a", -0.75)
    rows, columns = (sampling.taps(mode, coordinates, rounding, cubic, factors[i], x.shape[i], out[i]) for i in (2, 3))
    if out[2] < x.shape[2]:  # the smaller picture in between
        return sampling.resize_columns(sampling.resize_rows(x, rows), columns)
    return sampling.resize_rows(sampling.resize_columns(x, columns), rows)


def grid_sample(attributes: Attributes, x: Array, grid: Array) -> Array:
    """GridSample."""
    mode, outside = attributes.get("mode", "linear"), attributes.get("padding_mode", "zeros")
    if mode not in ("linear", "bilinear", "nearest") or outside not in ("zeros", "border"):
        raise Unsupported(f"sampling of grids by {mode} with {outside} outside")
    if x.ndim not in (4, 5) or grid.ndim != x.ndim or grid.shape[-1] != x.ndim - 2 or len(grid) != len(x):
        raise ValueError(f"a grid of {grid.shape} for {x.shape}")
    allocated((*x.shape[:2], *grid.shape[1:-1]))
    return sampling.grid_sample(
        x, grid, outside == "border", bool(attributes.get("align_corners", 0)), mode == "nearest"
    )
