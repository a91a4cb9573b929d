# SPDX-License-Identifier: Apache-2.0
"""One generator per named decision, derived from a seed and the decision's path, so adding one never shifts another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """The generator of the decision `path` under `seed` (0 is a seed like any other); equal on every machine."""
    key = "/".join(str(part) for part in path).encode()
    words = np.frombuffer(hashlib.blake2b(key, digest_size=16).digest(), dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])


def chances(seed: int, samples: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """A number in [0, 1) for each (epoch, index), which depends on nothing else: not on the samples beside it."""
    return np.array([generator(seed, "chance", *sample).random() for sample in samples], dtype=np.float32)
