# SPDX-License-Identifier: Apache-2.0
"""The filling rule of the parity data: numbers derived from the official name of a parameter (parity/README.md)."""

import hashlib
import math
import re
import zlib

import numpy as np
import torch
from numpy.typing import NDArray


def value(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The pseudo-random content of the parameter or buffer with this official name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        v = rng.uniform(0.5, 1.5, shape)
    elif name.endswith("running_mean"):
        v = 0.1 * rng.standard_normal(shape)
    elif len(shape) >= 2:
        v = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif int(np.prod(shape)) == 1:
        v = 0.1 + 0.05 * rng.standard_normal(shape)
    elif name.endswith(("weight", "norm.gamma")):
        v = 1 + 0.1 * rng.standard_normal(shape)
    else:
        v = 0.1 * rng.standard_normal(shape)
    return np.asarray(v, dtype=np.float32)


def special_value(model: str, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The same with the exceptions that the parity data states for some models."""
    normal = value(name, shape)
    if name.endswith("mask_blurring.weight"):
        density = torch.exp(-((torch.arange(7.0) - 3) ** 2) / 2) * (2 * math.pi) ** -0.5  # to the last bit
        kernel = density[:, None] * density[None, :]
        return (kernel / kernel.sum()).numpy()[None, None]
    for models, names, factor in _FACTORS:
        if re.match(models, model) and re.search(names, name) and len(shape) >= 2:
            return normal * np.float32(factor)
    if table := re.search(r"lut\.LUT(\d)\.LUT$", name):
        noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
        if table[1] != "0":
            return (0.1 * noise).astype(np.float32)
        b, g, r = np.meshgrid(*3 * [np.arange(33) / 32], indexing="ij")
        return np.stack([r, g, b]).astype(np.float32) + (0.05 * noise).astype(np.float32)
    return normal


_FACTORS = (
    ("hrnet18s_idih", r"^backbone\.", 0.5),
    ("pctnet_vit", r"^encoder\.transformer_enc\.layers\..*(out_proj|linear2)\.weight$", 0.25),
    ("dht", r"\.layers\..*(out_proj|linear2)\.weight$", 0.25),
    ("harmonizer", r"^regressor\.headers\..*\.1\.weight$", 0.2),
)


def filled(entries: list[dict], prefix: str = "", model: str = "") -> dict[str, NDArray[np.float32]]:
    """All float entries of a network, by official name; `model` is the name of its file."""
    floats = [e for e in entries if e["dtype"].startswith("float")]
    return {e["name"]: special_value(model, prefix + e["name"], tuple(e["shape"])) for e in floats}


def digest(weights: dict[str, NDArray[np.float32]]) -> str:
    """sha256 over the sorted names and values, as the parity data states it."""
    sha = hashlib.sha256()
    for name in sorted(weights):
        sha.update(name.encode() + b"\0" + weights[name].astype("<f4").tobytes())
    return sha.hexdigest()
