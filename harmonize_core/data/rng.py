# SPDX-License-Identifier: Apache-2.0
"""One generator per named decision, derived from a seed and the decision's path, so adding one never shifts another."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """The generator of the decision `path` under `seed` (0 is a seed like any other); equal on every machine."""
    key = "/".join(str(part) for part in path).encode()
    words = np.frombuffer(hashlib.blake2b(key, digest_size=16).digest(), dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])
