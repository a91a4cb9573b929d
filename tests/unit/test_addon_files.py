# SPDX-License-Identifier: Apache-2.0
"""The add-on's own PNG and EXR writers, against Pillow, OpenCV and OpenEXR."""

import resource
import zlib

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from blender_addon.bridge import files
from blender_addon.bridge.files import encode_exr, encode_png, halves_of, write_atomic
from harmonize_core.errors import OutputError


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 33), (64, 40)])
def test_8_bit_png_holds_exactly_the_bytes(tmp_path, size):
    values = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    write_atomic(tmp_path / "a.png", encode_png(values / np.float32(255)))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), values)


def test_16_bit_png_holds_exactly_the_values(tmp_path):
    values = np.random.default_rng(2).integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    write_atomic(tmp_path / "a.png", encode_png(values / np.float32(65535), 16))
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)[..., ::-1], values)


@pytest.mark.parametrize("depth", [8, 16])
def test_whole_numbers_are_written_as_they_are(tmp_path, depth):
    codes = np.random.default_rng(5).integers(0, 256, (40, 31, 3), dtype=np.uint8)
    assert encode_png(codes, depth) == encode_png(codes / np.float32(255), depth)
    deep = codes.astype(np.uint16) * 257
    assert encode_png(deep, 16) == encode_png(codes, 16)


def test_linear_halves_of_whole_numbers_are_those_of_their_floats():
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=-1)
    assert np.array_equal(halves_of(codes), halves_of(codes / np.float32(255)))


@pytest.mark.parametrize("grain", [0, 0.02])
def test_pictures_with_and_without_grain_are_packed_well(grain):
    """Neither is larger than zlib's level 1 makes it, but for a little."""
    down, across = np.mgrid[0:300, 0:400] / np.float32(400)
    picture = np.stack([across, down, 1 - across], axis=-1).astype(np.float32) * 0.6 + 0.2
    picture += np.random.default_rng(6).normal(0, grain, picture.shape).astype(np.float32)
    for packed in (encode_png(picture), encode_exr(halves_of(picture))):
        assert len(packed) < 1.05 * len(_with_strategy(picture, packed[:4] == b"\x89PNG"))


def _with_strategy(picture, png):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_strategy", lambda _: zlib.Z_DEFAULT_STRATEGY)
        return encode_png(picture) if png else encode_exr(halves_of(picture))


def test_values_outside_the_range_are_clipped(tmp_path):
    write_atomic(tmp_path / "a.png", encode_png(np.array([[[-1, 0.5, 7]]], dtype=np.float32)))
    assert np.asarray(Image.open(tmp_path / "a.png")).tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("size", [(1, 1), (16, 4), (17, 3), (50, 61)])
@pytest.mark.parametrize("smooth", [False, True])
def test_exr_is_half_float_rgb(tmp_path, size, smooth):
    rng = np.random.default_rng(3)
    linear = rng.normal(size=(*size, 3)).astype(np.float32) * 4
    if smooth:
        linear = np.broadcast_to(np.linspace(0, 2, size[1], dtype=np.float32)[None, :, None], (*size, 3))
    write_atomic(tmp_path / "a.exr", encode_exr(linear))
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        pixels = np.asarray(file.channels()["RGB"].pixels)
    assert pixels.dtype == np.float16
    assert np.array_equal(pixels, linear.astype(np.float16))


def test_exr_keeps_alpha(tmp_path):
    linear = np.random.default_rng(4).random((20, 9, 4), dtype=np.float32)
    write_atomic(tmp_path / "a.exr", encode_exr(linear))
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        assert np.array_equal(np.asarray(file.channels()["RGBA"].pixels), linear.astype(np.float16))


def test_exr_clips_what_half_cannot_hold(tmp_path):
    write_atomic(tmp_path / "a.exr", encode_exr(np.full((2, 2, 3), 1e9, dtype=np.float32)))
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        assert np.asarray(file.channels()["RGB"].pixels).max() == 65504


def test_half_float_linear_keeps_every_8_bit_value():
    from harmonize_core.color import linear_to_srgb, srgb_to_linear

    levels = np.arange(256, dtype=np.float32) / 255
    half = srgb_to_linear(levels).astype(np.float16).astype(np.float32)
    assert np.array_equal(np.rint(linear_to_srgb(half) * 255), np.arange(256))


@pytest.mark.parametrize("known", [None, b"what was there"])
def test_a_write_that_is_cut_short_leaves_what_was_there(tmp_path, known):
    path = tmp_path / "a.png"
    if known is not None:
        path.write_bytes(known)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.png could not be written"):
            write_atomic(path, bytes(9000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == ({} if known is None else {"a.png": known})


def test_unwritable_places_are_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose an output folder you may write to"):
        write_atomic(tmp_path / "file" / "a.png", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
