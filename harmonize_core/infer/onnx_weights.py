# SPDX-License-Identifier: Apache-2.0
"""Weights of an ONNX file in fewer bits; the arithmetic stays float32.

Half floats, or integers of 8 and fewer bits with one scale for each output channel, as in Jacob et al., "Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, without their zero points
and for weights alone: what a network computes with in between keeps all its digits. Runtimes turn them back once, when
they load the file.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Precision = Literal["fp32", "fp16", "int8", "int7", "int6"]
"""How weights are stored; integers of fewer than 8 bits still take bytes, which compress well."""

LARGE = 1024
"""Elements from which a tensor is stored in fewer bits."""


def store(model: Any, precision: Precision) -> None:
    """Store the weights of an ONNX ModelProto of float32 weights as asked; it is changed."""
    if precision == "fp16":
        store_half(model)
    elif precision != "fp32":
        store_integers(model, bits=int(precision[3:]))


def store_half(model: Any) -> None:
    """Replace large float32 initializers by half-float ones followed by a Cast."""
    from onnx import TensorProto, helper, numpy_helper

    made = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < LARGE:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half"))
        made.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    _first(model.graph, made)


def store_integers(model: Any, bits: int) -> None:
    """Replace large weights of convolutions and products by integers from -(2^(bits-1) - 1) on.

    Args:
        model: an ONNX ModelProto of float32 weights; it is changed.
        bits: 2 to 8.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    axes = {node.input[1]: _output_axis(node) for node in graph.node if node.op_type in _PRODUCTS}
    made = []
    for tensor in list(graph.initializer):
        axis = axes.get(tensor.name)
        if axis is None or len(tensor.dims) < 2 or int(np.prod(tensor.dims)) < LARGE:
            continue
        weights = numpy_helper.to_array(tensor)
        axis %= weights.ndim
        others = tuple(i for i in range(weights.ndim) if i != axis)
        most = 2 ** (bits - 1) - 1
        scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12) / most
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(np.rint(weights / scale).astype(np.int8), f"{name}.integers"))
        graph.initializer.append(numpy_helper.from_array(scale.ravel().astype(np.float32), f"{name}.scale"))
        made.append(helper.make_node("DequantizeLinear", [f"{name}.integers", f"{name}.scale"], [name], axis=axis))
    _first(graph, made)


_PRODUCTS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 1, "MatMul": -1}
"""Operators of weights, and the axis of the outputs in these."""


def _output_axis(node: Any) -> int:
    turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if turned else _PRODUCTS[node.op_type]


def _first(graph: Any, nodes: list[Any]) -> None:
    """Put nodes that make weights before all others."""
    for node in reversed(nodes):
        graph.node.insert(0, node)
    # a value that is computed must not also be declared with the initializers' types
    names = {node.output[0] for node in nodes}
    kept = [value for value in graph.value_info if value.name not in names]
    del graph.value_info[:]
    graph.value_info.extend(kept)
