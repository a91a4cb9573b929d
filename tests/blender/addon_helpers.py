# SPDX-License-Identifier: Apache-2.0
"""A tiny network in the harmonize-onnx/1 format: it shifts the foreground's mean towards the background's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_mean_match_network(path: Path, amount: float = 0.7, size: int = 256) -> Path:
    """harmonized = composite + mask * amount * (background mean - foreground mean), per channel."""

    def constant(name: str, values: object, kind: type = np.float32) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, dtype=kind), name)

    sums = [
        helper.make_node("Sub", ["one", "mask"], ["outside"]),
        helper.make_node("Mul", ["composite", "mask"], ["fg"]),
        helper.make_node("Mul", ["composite", "outside"], ["bg"]),
    ]
    for source, target in (("fg", "fg_sum"), ("bg", "bg_sum"), ("mask", "fg_n"), ("outside", "bg_n")):
        sums.append(helper.make_node("ReduceSum", [source, "axes"], [target], keepdims=1))
    nodes = [
        *sums,
        helper.make_node("Max", ["fg_n", "one"], ["fg_safe"]),
        helper.make_node("Max", ["bg_n", "one"], ["bg_safe"]),
        helper.make_node("Div", ["fg_sum", "fg_safe"], ["fg_mean"]),
        helper.make_node("Div", ["bg_sum", "bg_safe"], ["bg_mean"]),
        helper.make_node("Sub", ["bg_mean", "fg_mean"], ["gap"]),
        helper.make_node("Mul", ["gap", "amount"], ["shift"]),
        helper.make_node("Mul", ["shift", "mask"], ["change"]),
        helper.make_node("Add", ["composite", "change"], ["moved"]),
        helper.make_node("Clip", ["moved", "zero", "one"], ["harmonized"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-match",
        [
            helper.make_tensor_value_info("composite", TensorProto.FLOAT, [1, 3, size, size]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, size, size]),
        ],
        [helper.make_tensor_value_info("harmonized", TensorProto.FLOAT, [1, 3, size, size])],
        [
            constant("one", 1.0),
            constant("zero", 0.0),
            constant("amount", amount),
            constant("axes", [2, 3], np.int64),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    meta = {"format": "harmonize-onnx/1", "name": "mean-match", "licence": "Apache-2.0", "source": "test"}
    helper.set_model_props(model, {**meta, "input_size": str(size)})
    onnx.save(model, str(path))
    return path
