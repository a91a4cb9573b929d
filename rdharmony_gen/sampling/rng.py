# SPDX-License-Identifier: GPL-3.0-or-later
"""One independent random generator per named decision, so that adding a decision never shifts another.

Idea: the key-splitting of JAX (`jax.random.fold_in`), here with a hash of the decision's path as NumPy seed words.
"""

from __future__ import annotations

import hashlib

import numpy as np


def rng_for(seed: int, *path: str | int) -> np.random.Generator:
    """The generator of the decision `path`, for instance `rng_for(7, "park", 3, "camera")`.

    Args:
        seed: The data set's root seed, 0 or more; 0 is a seed like any other.
        path: Names and numbers that identify the decision. `("a", 1)` and `("a", "1")` are the same path.
    """
    key = "/".join(str(part) for part in path).encode()
    words = np.frombuffer(hashlib.blake2b(key, digest_size=16).digest(), dtype=np.dtype("<u4"))
    return np.random.default_rng([seed, *(int(word) for word in words)])
