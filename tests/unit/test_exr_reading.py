# SPDX-License-Identifier: Apache-2.0
"""EXR files of the OpenEXR library are read by NumPy alone, value by value."""

import numpy as np
import OpenEXR
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_reading import read_exr


@pytest.fixture
def channels() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    smooth = np.linspace(0, 1, 37 * 53).reshape(37, 53)
    return {
        "View.Combined.R": smooth.astype(np.float16),
        "View.CryptoMaterial00.r": rng.integers(0, 2**32, (37, 53), dtype=np.uint32).view(np.float32),
        "View.CryptoMaterial00.g": rng.uniform(0, 1, (37, 53)).astype(np.float32),
        "View.Index": rng.integers(0, 9, (37, 53), dtype=np.uint32),
    }


def write(path, channels, compression, several=False):
    header = {"compression": compression, "type": OpenEXR.scanlineimage, "cryptomatte/1/name": "View.CryptoMaterial"}
    groups = [{n: v} for n, v in channels.items()] if several else [dict(channels)]
    parts = [OpenEXR.Part(dict(header), g, next(iter(g)) if several else "") for g in groups]
    with OpenEXR.File(parts) as file:
        file.write(str(path))


@pytest.mark.parametrize("compression", ["NO", "ZIPS", "ZIP"])
@pytest.mark.parametrize("several", [False, True])
def test_every_value_comes_back(tmp_path, channels, compression, several):
    path = tmp_path / "a.exr"
    write(path, channels, getattr(OpenEXR, f"{compression}_COMPRESSION"), several)
    parts = read_exr(path)
    assert len(parts) == (4 if several else 1)
    found = {name: pixels for part in parts for name, pixels in part.channels.items()}
    assert found.keys() == channels.keys()
    for name, pixels in channels.items():
        assert found[name].dtype == pixels.dtype
        assert found[name].tobytes() == pixels.tobytes()
    assert parts[0].text["cryptomatte/1/name"] == "View.CryptoMaterial"
    assert parts[0].display_hw == (37, 53)
    assert parts[0].origin == (0, 0)


def test_only_what_is_wanted_is_kept(tmp_path, channels):
    write(tmp_path / "a.exr", channels, OpenEXR.ZIP_COMPRESSION)
    (part,) = read_exr(tmp_path / "a.exr", lambda name: "Crypto" in name)
    assert sorted(part.channels) == ["View.CryptoMaterial00.g", "View.CryptoMaterial00.r"]


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, channels):
    write(tmp_path / "a.exr", channels, OpenEXR.PIZ_COMPRESSION)
    with pytest.raises(InputError, match="compressed with PIZ, but ZIP or none was expected"):
        read_exr(tmp_path / "a.exr")
    write(tmp_path / "a.exr", channels, OpenEXR.ZIP_COMPRESSION)
    whole = (tmp_path / "a.exr").read_bytes()
    for cut in (b"", b"no EXR file", whole[:60], whole[:-300]):
        (tmp_path / "b.exr").write_bytes(cut)
        with pytest.raises(InputError, match="is damaged or no EXR file"):
            read_exr(tmp_path / "b.exr")
    with pytest.raises(InputError, match="cannot be read"):
        read_exr(tmp_path / "c.exr")
