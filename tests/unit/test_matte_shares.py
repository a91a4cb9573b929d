# SPDX-License-Identifier: Apache-2.0
"""Several characters out of one Cryptomatte: whose pixel is whose, and nothing gets lost."""

import json

import numpy as np
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime.mattes import cryptomatte, find_shares, share_out

NAMES = [f"L.Crypto{kind}00.{c}" for kind in ("Object", "Material") for c in "rgba"]
IDENTITIES = {"Hat": 0x3F000001, "Head": 0x3F000002, "Dog": 0x3F000003}
TEXT = {
    "cryptomatte/1/name": "L.CryptoObject",
    "cryptomatte/1/manifest": json.dumps({name: f"{number:08x}" for name, number in IDENTITIES.items()}),
    "cryptomatte/2/name": "L.CryptoMaterial",
    "cryptomatte/2/manifest": json.dumps({"Felt": "3f000009"}),
}


def channels(*pixels: tuple[tuple[str, float], tuple[str, float]]) -> dict[str, np.ndarray]:
    """One row of pixels, two objects with their coverage in each."""
    found = {}
    for rank, (identity, share) in enumerate((("r", "g"), ("b", "a"))):
        bits = np.array([[IDENTITIES.get(pixel[rank][0], 0) for pixel in pixels]], np.uint32)
        found[f"L.CryptoObject00.{identity}"] = bits.view(np.float32)
        found[f"L.CryptoObject00.{share}"] = np.array([[pixel[rank][1] for pixel in pixels]], np.float32)
    return found


def test_kinds_of_cryptomattes_are_told_apart():
    assert cryptomatte(NAMES, TEXT, "Object")[0] == IDENTITIES
    manifest, ranks = cryptomatte(NAMES, TEXT, "Material")
    assert manifest == {"Felt": 0x3F000009}
    assert ranks == (
        ("L.CryptoMaterial00.r", "L.CryptoMaterial00.g"),
        ("L.CryptoMaterial00.b", "L.CryptoMaterial00.a"),
    )
    with pytest.raises(InputError, match="no Cryptomatte of the kind Asset"):
        cryptomatte(NAMES, TEXT, "Asset")


def test_characters_get_their_shares_and_absent_ones_nothing():
    pixels = channels((("Hat", 0.75), ("Head", 0.25)), (("Head", 0.5), ("Dog", 0.25)), (("", 0), ("", 0)))
    mattes = find_shares(NAMES, TEXT, [("H*",), ("Dog",), ("Cat",)])
    coverages = [matte.coverage(pixels) for matte in mattes]
    np.testing.assert_allclose(coverages, [[[1, 0.5, 0]], [[0, 0.25, 0]], [[0, 0, 0]]])
    whole = np.array([[[0.2, 0.4, 0.6, 1], [0.3, 0.3, 0.3, 0.75], [0, 0, 0, 0]]], np.float32)
    parts = share_out(whole, coverages)
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, atol=1e-6)
    np.testing.assert_allclose(parts[1][0, 1], whole[0, 1] / 3, atol=1e-6)
    assert not parts[2].any()
    assert find_shares(NAMES, {}, []) == []
