# SPDX-License-Identifier: Apache-2.0
"""Tiny networks in both formats: they shift the foreground's mean towards the background's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_mean_match_network(path: Path, amount: float = 0.7, size: int = 256) -> Path:
    """harmonize-onnx/1: composite + mask * amount * (background mean - foreground mean), per channel."""
    nodes = [
        *_means(),
        helper.make_node("Sub", ["bg_mean", "fg_mean"], ["gap"]),
        helper.make_node("Mul", ["gap", "amount"], ["shift"]),
        helper.make_node("Mul", ["shift", "mask"], ["change"]),
        helper.make_node("Add", ["composite", "change"], ["moved"]),
        helper.make_node("Clip", ["moved", "zero", "one"], ["harmonized"]),
    ]
    constants = {"zero": np.float32(0), "amount": np.float32(amount)}
    return _write(path, "harmonize-onnx/1", nodes, {"harmonized": [1, 3, size, size]}, constants, size)


def write_exposure_network(path: Path, size: int = 256) -> Path:
    """harmonize-look/1: exposes the foreground by half the stops between both means, less one; no map."""
    nodes = [
        *_means(),
        helper.make_node("Div", ["bg_mean", "fg_mean"], ["ratio"]),
        helper.make_node("Log", ["ratio"], ["logs"]),
        helper.make_node("ReduceMean", ["logs", "all"], ["log"], keepdims=0),
        helper.make_node("Mul", ["log", "half_stops"], ["halfway"]),
        helper.make_node("Sub", ["halfway", "one"], ["stops"]),
        helper.make_node("Concat", ["stops", "rest"], ["flat"], axis=0),
        helper.make_node("Unsqueeze", ["flat", "first"], ["grade"]),
        helper.make_node("Identity", ["cells"], ["map"]),
    ]
    constants = {
        "half_stops": np.full(1, 0.5 / np.log(2), np.float32),
        "all": np.array([1, 2, 3], np.int64),
        "rest": np.zeros(9, np.float32),
        "first": np.array([0], np.int64),
        "cells": np.zeros((1, 12, 1, 1), np.float32),
    }
    return _write(path, "harmonize-look/1", nodes, {"grade": [1, 10], "map": [1, 12, 1, 1]}, constants, size)


def _means() -> list[onnx.NodeProto]:
    """Mean colours of foreground and background, fg_mean and bg_mean."""
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["outside"]),
        helper.make_node("Mul", ["composite", "mask"], ["fg"]),
        helper.make_node("Mul", ["composite", "outside"], ["bg"]),
    ]
    for source, target in (("fg", "fg_sum"), ("bg", "bg_sum"), ("mask", "fg_n"), ("outside", "bg_n")):
        nodes.append(helper.make_node("ReduceSum", [source, "axes"], [target], keepdims=1))
    return [
        *nodes,
        helper.make_node("Max", ["fg_n", "one"], ["fg_safe"]),
        helper.make_node("Max", ["bg_n", "one"], ["bg_safe"]),
        helper.make_node("Div", ["fg_sum", "fg_safe"], ["fg_mean"]),
        helper.make_node("Div", ["bg_sum", "bg_safe"], ["bg_mean"]),
    ]


def _write(
    path: Path,
    contract: str,
    nodes: list[onnx.NodeProto],
    outputs: dict[str, list[int]],
    constants: dict[str, np.ndarray | np.generic],
    size: int,
) -> Path:
    constants = {"one": np.float32(1), "axes": np.array([2, 3], np.int64), **constants}
    shapes = {"composite": [1, 3, size, size], "mask": [1, 1, size, size]}
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    meta = {"format": contract, "name": path.stem, "licence": "Apache-2.0", "source": "test"}
    helper.set_model_props(model, {**meta, "input_size": str(size)})
    onnx.save(model, str(path))
    return path
