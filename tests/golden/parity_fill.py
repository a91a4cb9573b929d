# SPDX-License-Identifier: Apache-2.0
"""The filling rule of the parity data: numbers derived from the official name of a parameter (parity/README.md)."""

import hashlib
import zlib

import numpy as np
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


def filled(entries: list[dict], prefix: str) -> dict[str, NDArray[np.float32]]:
    """All float entries of a network, by official name."""
    return {e["name"]: value(prefix + e["name"], tuple(e["shape"])) for e in entries if e["dtype"].startswith("float")}


def digest(weights: dict[str, NDArray[np.float32]]) -> str:
    """sha256 over the sorted names and values, as the parity data states it."""
    sha = hashlib.sha256()
    for name in sorted(weights):
        sha.update(name.encode() + b"\0" + weights[name].astype("<f4").tobytes())
    return sha.hexdigest()
