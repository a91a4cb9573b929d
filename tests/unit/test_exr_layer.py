# SPDX-License-Identifier: Apache-2.0
"""Layers cut to what is not empty: the same numbers as OpenEXR's own library reads, and nothing lost around them."""

import struct

import numpy as np
import OpenEXR
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_layer import Cut, read_cut
from harmonize_core.runtime.exr_reader import CannotRead, read_exr, read_parts
from harmonize_core.runtime.resize import resize

READ = ("NO", "RLE", "ZIPS", "ZIP")


def _layer(size=(70, 45), box=(20, 51, 7, 30), seed=0):
    rgba = np.zeros((*size, 4), np.float16)
    top, bottom, left, right = box
    rgba[top:bottom, left:right] = np.random.default_rng(seed).uniform(0.1, 1, (bottom - top, right - left, 4))
    return rgba


def _write(path, channels, compression="ZIP"):
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))
    return path


@pytest.mark.parametrize("compression", READ)
def test_a_cut_holds_what_the_file_holds(tmp_path, compression):
    rgba = _layer()
    cut = read_cut(_write(tmp_path / "a.exr", {"RGBA": rgba}, compression))
    assert cut.size == (70, 45)
    assert cut.planes.dtype == np.float16
    top, bottom, left, right = cut.box
    assert (left, right) == (7, 30)
    assert top <= 20 < 51 <= bottom
    assert np.array_equal(cut.framed(cut.rgb_linear), rgba[..., :3].astype(np.float32))
    assert np.array_equal(cut.framed(cut.alpha), rgba[..., 3].astype(np.float32))


def test_light_without_coverage_is_held_too(tmp_path):
    rgba = _layer()
    rgba[60, 44, 0] = 3
    cut = read_cut(_write(tmp_path / "a.exr", {"RGBA": rgba}))
    assert np.array_equal(cut.framed(cut.rgb_linear), rgba[..., :3].astype(np.float32))


def test_an_empty_layer_is_an_empty_box(tmp_path):
    cut = read_cut(_write(tmp_path / "a.exr", {"RGBA": np.zeros((40, 9, 4), np.float16)}))
    assert (cut.size, cut.box, cut.alpha.size) == ((40, 9), (0, 0, 0, 0), 0)
    assert cut.framed(cut.alpha).shape == (40, 9)


def test_stray_values_are_removed(tmp_path):
    rgba = _layer()
    rgba[25, 10] = np.nan, np.inf, -np.inf, 2
    cut = read_cut(_write(tmp_path / "a.exr", {"RGBA": rgba}))
    place = (25 - cut.box[0], 10 - cut.box[2])
    assert cut.rgb_linear[place].tolist() == [0, 65504, 0]
    assert cut.alpha[place] == 1


def test_what_is_not_read_here_is_said(tmp_path):
    half, single = _layer(), _layer().astype(np.float32)
    for name, channels, compression in (
        ("single", {"RGBA": single}, "ZIP"),
        ("opaque", {"RGB": half[..., :3].copy()}, "ZIP"),
        ("wavelets", {"RGBA": half}, "PIZ"),
    ):
        with pytest.raises(CannotRead):
            read_cut(_write(tmp_path / f"{name}.exr", channels, compression))


@pytest.mark.parametrize("compression", ["ZIP", "ZIPS", "NO", "PIZ"])
def test_tiles_are_left_to_others(tmp_path, compression):
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.tiledimage}
    with OpenEXR.File({**header, "tiles": OpenEXR.TileDescription()}, {"RGBA": _layer()}) as file:
        file.write(str(tmp_path / "a.exr"))
    with pytest.raises(CannotRead):
        read_cut(tmp_path / "a.exr")


@pytest.mark.parametrize("read", [read_cut, lambda path: read_exr(path, lambda _: True)])
def test_a_damaged_head_is_said(tmp_path, read):
    """No header at all, a chunk far beyond any file, and a picture too wide for any memory."""
    path = _write(tmp_path / "a.exr", {"RGBA": _layer()})
    data = path.read_bytes()
    _, _, _, table = read_parts(path)
    wide = struct.pack("<4i", 0, 0, 44, 69)
    assert data.count(wide) == 2
    for damaged in (
        data[:8] + bytes(100),
        data[: table + 7] + b"\xff" + data[table + 8 :],
        data.replace(wide, struct.pack("<4i", 0, 0, 2**31 - 2, 69)),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged or no EXR file"):
            read(path)


def test_a_file_that_is_cut_off_is_said(tmp_path):
    path = _write(tmp_path / "a.exr", {"RGBA": _layer()})
    data = path.read_bytes()
    for end in (len(data) - 1, len(data) // 2, 20, 0):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="damaged or no EXR file"):
            read_cut(path)


@pytest.mark.parametrize("size", [(70, 45), (31, 20), (7, 44), (1, 1)])
@pytest.mark.parametrize("box", [(20, 51, 7, 30), (0, 70, 0, 45), (69, 70, 0, 1), (0, 0, 0, 0)])
def test_a_reduced_cut_is_the_reduced_picture(tmp_path, size, box):
    rgba = _layer(box=box)
    cut = read_cut(_write(tmp_path / "a.exr", {"RGBA": rgba}))
    np.testing.assert_allclose(cut.reduced(size), resize(rgba.astype(np.float32), size), atol=1e-6)


def test_arrays_are_cut_to_what_covers_anything():
    rgba = _layer().astype(np.float32)
    cut = Cut.of(rgba[..., :3], rgba[..., 3])
    assert cut.box == (20, 51, 7, 30)
    assert np.array_equal(cut.framed(cut.rgb_linear), rgba[..., :3])
    assert np.array_equal(cut.framed(cut.alpha), rgba[..., 3])
    assert Cut.of(np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), np.float32)).box == (0, 0, 0, 0)
