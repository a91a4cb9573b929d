# SPDX-License-Identifier: Apache-2.0
"""The NumPy reader of EXR files against OpenEXR's own library, and mattes out of what it reads."""

import json

import numpy as np
import OpenEXR
import pytest

from harmonize_core.compositing import over
from harmonize_core.errors import InputError
from harmonize_core.formats.cryptomatte import identity
from harmonize_core.runtime.exr_reader import CannotRead, channel_names, read_exr
from harmonize_core.runtime.exr_whole import check_whole
from harmonize_core.runtime.mattes import color_channels, find_matte, split

READ = ("NO_COMPRESSION", "RLE_COMPRESSION", "ZIPS_COMPRESSION", "ZIP_COMPRESSION")


def _channels(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "L.Combined.R": np.repeat(rng.normal(size=(height, 1)), width, axis=1).astype(np.float16),
        "L.Combined.G": rng.normal(size=(height, width)).astype(np.float16),
        "L.Depth.Z": rng.normal(size=(height, width)).astype(np.float32),
        "L.Index.X": rng.integers(0, 5, (height, width), dtype=np.uint32),
    }


def _write(path, parts):
    OpenEXR.File([OpenEXR.Part(dict(header), dict(channels)) for header, channels in parts]).write(str(path))


@pytest.mark.parametrize("compression", READ)
@pytest.mark.parametrize("size", [(1, 1), (16, 3), (35, 20)])
def test_channels_are_those_the_library_reads(tmp_path, compression, size):
    written = _channels(*size)
    header = {"compression": getattr(OpenEXR, compression), "type": OpenEXR.scanlineimage, "note": "hello"}
    _write(tmp_path / "a.exr", [(header, written)])
    read = read_exr(tmp_path / "a.exr", lambda _: True)
    assert set(read.channels) == set(written)
    for name, plane in written.items():
        assert np.array_equal(read.channels[name], plane), name
        assert read.channels[name].dtype == (np.uint32 if plane.dtype == np.uint32 else np.float32)
    assert read.text["note"] == "hello"
    assert set(channel_names(tmp_path / "a.exr")[0]) == set(written)
    assert set(read_exr(tmp_path / "a.exr", lambda n: n.endswith("Z")).channels) == {"L.Depth.Z"}


def test_parts_give_their_names_to_channels_that_have_none(tmp_path):
    first, second = _channels(20, 8), np.full((20, 8), 7, np.float32)
    zip_ = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    parts = [({**zip_, "name": "one"}, first), ({**zip_, "name": "L.Mist"}, {"Z": second})]
    _write(tmp_path / "a.exr", parts)
    read = read_exr(tmp_path / "a.exr", lambda _: True).channels
    assert np.array_equal(read["L.Mist.Z"], second)
    assert np.array_equal(read["L.Combined.G"], first["L.Combined.G"])


def test_a_rendered_region_lies_in_the_whole_picture(tmp_path):
    window = (np.array([0, 0], np.int32), np.array([9, 5], np.int32))
    part = (np.array([2, 1], np.int32), np.array([4, 2], np.int32))
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    header |= {"dataWindow": part, "displayWindow": window}
    inside = np.arange(6, dtype=np.float32).reshape(2, 3) + 1
    _write(tmp_path / "a.exr", [(header, {"Y": inside})])
    read = read_exr(tmp_path / "a.exr", lambda _: True).channels["Y"]
    assert read.shape == (6, 10)
    assert np.array_equal(read[1:3, 2:5], inside)
    assert read.sum() == inside.sum()


@pytest.mark.parametrize("parts", [1, 2])
def test_tiles_are_not_damage(tmp_path, parts):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}
    _write(tmp_path / "a.exr", [({**header, "name": f"part{n}"}, _channels(90, 70)) for n in range(parts)])
    with pytest.raises(CannotRead, match="holds tiles or deep pixels"):
        read_exr(tmp_path / "a.exr", lambda _: True)
    check_whole(tmp_path / "a.exr")


def test_what_is_not_read_is_said(tmp_path):
    header = {"compression": OpenEXR.DWAA_COMPRESSION, "type": OpenEXR.scanlineimage}
    _write(tmp_path / "a.exr", [(header, _channels(8, 8))])
    with pytest.raises(CannotRead, match=r"compressed with DWAA; save it with ZIP compression"):
        read_exr(tmp_path / "a.exr", lambda _: True)
    _write(tmp_path / "b.exr", [({**header, "compression": OpenEXR.ZIP_COMPRESSION}, _channels(40, 8))])
    whole = (tmp_path / "b.exr").read_bytes()
    for cut in (3, 60, 400, len(whole) - 5):
        (tmp_path / "c.exr").write_bytes(whole[:cut])
        with pytest.raises(InputError, match="damaged or no EXR file"):
            read_exr(tmp_path / "c.exr", lambda _: True)
    with pytest.raises(InputError, match="could not be read"):
        read_exr(tmp_path / "none.exr", lambda _: True)


def _cryptomatte(manifest):
    about = {"name": "L.CryptoObject", "hash": "MurmurHash3_32", "conversion": "uint32_to_float32"}
    return {f"cryptomatte/1234567/{k}": v for k, v in {**about, "manifest": json.dumps(manifest)}.items()}


def test_mattes_are_found_by_name():
    ball, box = identity("Ball"), identity("Box.001")
    text = _cryptomatte({"Ball": f"{ball:08x}", "Box.001": f"{box:08x}"})
    names = [f"L.CryptoObject00.{c}" for c in "RGBA"] + ["L.hero.X", "L.Combined.R", "L.Combined.G", "L.Combined.B"]
    assert find_matte(names, text, ["hero"]).channel == "L.hero.X"
    pixels = {names[0]: np.array([[ball, box]], np.uint32).view(np.float32), names[1]: np.array([[0.75, 1]])}
    pixels |= {names[2]: np.array([[box, 0]], np.uint32).view(np.float32), names[3]: np.array([[0.25, 0]])}
    assert find_matte(names, text, ["Ball"]).coverage(pixels).tolist() == [[0.75, 0]]
    assert find_matte(names, text, ["B*"]).coverage(pixels).tolist() == [[1, 1]]
    with pytest.raises(InputError, match=r"no AOV and no Cryptomatte name 'Cat'.*L\.hero.*Ball, Box\.001"):
        find_matte(names, text, ["Cat"])


def test_the_picture_is_the_view_layers_then_any():
    names = [f"{layer}.Combined.{c}" for layer in ("Composite", "A", "B") for c in "RGBA"]
    assert color_channels(names, "B") == tuple(f"B.Combined.{c}" for c in "RGBA")
    assert color_channels(names, "C")[0] == "A.Combined.R"
    assert color_channels(["R", "G", "B"], "A") == ("R", "G", "B")
    saved_anew = [f"Combined.{c}" for c in "ABGR"]
    assert color_channels([*saved_anew, "hero.X"], "A") == tuple(f"Combined.{c}" for c in "RGBA")
    assert color_channels([*saved_anew, "R", "G", "B"], "A") == ("R", "G", "B")
    with pytest.raises(InputError, match="no combined pass"):
        color_channels(["Z"], "A")


@pytest.mark.parametrize("opaque", [True, False])
def test_both_shares_over_a_plate_are_the_picture_over_it(opaque):
    rng = np.random.default_rng(5)
    down, across = np.mgrid[:24, :32]
    coverage = np.clip(9 - np.hypot(down - 12, across - 16), 0, 1).astype(np.float32)
    character, rest = np.float32([0.8, 0.3, 0.1]), np.float32([0.1, 0.4, 0.9])
    rest_alpha = np.ones_like(coverage) if opaque else np.clip(across / 16 - 0.5, 0, 1).astype(np.float32)
    picture = coverage[..., None] * character + ((1 - coverage) * rest_alpha)[..., None] * rest
    alpha = coverage + (1 - coverage) * rest_alpha
    own, beneath = split(picture, alpha, coverage)
    plate = rng.random((24, 32, 3)).astype(np.float32)
    together = over(own[..., :3], own[..., 3], over(beneath[..., :3], beneath[..., 3], plate))
    assert np.abs(together - (picture + (1 - alpha)[..., None] * plate)).max() < 1e-4
    assert np.array_equal(together[alpha == 0], plate[alpha == 0])
    soft = (coverage > 0.2) & (coverage < 1)
    assert np.abs(own[soft][:, :3] / coverage[soft][:, None] - character).max() < 0.05
