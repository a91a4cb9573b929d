# SPDX-License-Identifier: Apache-2.0
"""Names, label lines and lists of the two layouts; images in and out of files."""

import re
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from PIL import Image

from harmonize_core.errors import DatasetError, InputError, OutputError
from harmonize_core.formats import iharmony4, images, rdharmony
from harmonize_core.formats.triplet import TripletPaths, load_triplet


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).random((24, 32, 3)).astype(np.float32)


def test_rdharmony_names_follow_the_published_reader():
    composite = PurePosixPath("SHuman/composite_images") / rdharmony.composite_name("park_00_v003", 4, 10)
    assert composite.name == "park_00_v003-4_10.jpg"
    assert rdharmony.real_of(composite) == PurePosixPath("SHuman/real_images/park_00_v003-4.jpg")
    assert rdharmony.mask_of(composite) == PurePosixPath("SHuman/masks/park_00_v003.png")


def test_label_line_round_trips_and_sums_to_one():
    path = PurePosixPath("SHuman/composite_images/a-1_2.jpg")
    line = rdharmony.LabelLine(path, rdharmony.soft_label(1, 2, 0.25), 1)
    parsed = rdharmony.parse_label_line(rdharmony.format_label_line(line), "here")
    assert parsed == line
    assert parsed.style_soft[:2] == (0.75, 0.25)


@pytest.mark.parametrize(
    "text",
    [
        "SHuman/composite_images/a-1_2.jpg\t0.1_0.9\t1",
        "SHuman/composite_images/a-1_2.jpg\t1_0_0_0_0_0_0_0_0_0\t11",
        "SHuman/composite_images/a-1_2.jpg 1_0_0_0_0_0_0_0_0_0 1",
        "../../composite_images/a-1_2.jpg\t1_0_0_0_0_0_0_0_0_0\t1",
        "/etc/composite_images/a-1_2.jpg\t1_0_0_0_0_0_0_0_0_0\t1",
    ],
)
def test_broken_or_escaping_label_lines_are_refused_with_their_place(text):
    with pytest.raises(DatasetError, match=r"labels\.txt:7"):
        rdharmony.parse_label_line(text, "labels.txt:7")


def test_iharmony4_lists_pair_composite_mask_and_real(tmp_path, picture):
    for folder in iharmony4.FOLDERS:
        (tmp_path / "HCOCO" / folder).mkdir(parents=True)
    for k in (1, 2):
        images.write_image(tmp_path / f"HCOCO/composite_images/c1_7_{k}.jpg", picture)
    (tmp_path / "HCOCO/HCOCO_test.txt").write_text("c1_7_2.jpg\n")
    every, test = iharmony4.list_triplets(tmp_path), iharmony4.list_triplets(tmp_path, "test")
    assert [t.composite.name for t in every] == ["c1_7_1.jpg", "c1_7_2.jpg"]
    assert [t.composite.name for t in test] == ["c1_7_2.jpg"]
    assert test[0].mask == tmp_path / "HCOCO/masks/c1_7.png"
    assert test[0].real == tmp_path / "HCOCO/real_images/c1.jpg"
    with pytest.raises(DatasetError, match=r"IHD_val\.txt"):
        iharmony4.list_triplets(tmp_path, "val")


def test_a_list_cannot_leave_its_root(tmp_path):
    for folder in iharmony4.FOLDERS:
        (tmp_path / "HCOCO" / folder).mkdir(parents=True)
    (tmp_path / "IHD_test.txt").write_text("../secret/composite_images/a_1_1.jpg\n")
    with pytest.raises(DatasetError, match="leaves the data set"):
        iharmony4.list_triplets(tmp_path, "test")


def test_png_and_jpeg_keep_rgb_order(tmp_path):
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1
    for name in ("red.png", "red.jpg"):
        images.write_image(tmp_path / name, red)
        assert np.abs(images.read_image(tmp_path / name) - red).max() < 0.02


def test_16_bit_png_keeps_its_depth(tmp_path):
    values = np.arange(64 * 64 * 3, dtype=np.uint16).reshape(64, 64, 3)
    cv2.imwrite(str(tmp_path / "deep.png"), values[..., ::-1])
    assert np.array_equal(np.rint(images.read_image(tmp_path / "deep.png") * 65535), values)
    images.write_alpha16(tmp_path / "alpha.png", values[..., 0] / 65535)
    assert np.array_equal(np.rint(images.read_mask(tmp_path / "alpha.png") * 65535), values[..., 0])


def test_exr_round_trips_half_floats_beyond_one(tmp_path):
    values = np.float16(np.random.default_rng(0).random((8, 9)) * 100).astype(np.float32)
    images.write_exr(tmp_path / "a.exr", {"R": values, "G": values * 0, "B": values})
    channels = images.read_exr(tmp_path / "a.exr")
    assert np.array_equal(channels["R"], values)
    assert not channels["G"].any()


def test_equal_jpeg_blocks_stay_equal(tmp_path, picture):
    """Composites are compared with their real image outside the foreground: blocks that agree must decode alike."""
    changed = picture.copy()
    changed[8:16, 8:16] = 1
    images.write_image(tmp_path / "a.jpg", picture)
    images.write_image(tmp_path / "b.jpg", changed)
    differs = np.abs(images.read_image(tmp_path / "a.jpg") - images.read_image(tmp_path / "b.jpg")).max(-1) > 0
    assert differs[8:16, 8:16].any()
    differs[8:16, 8:16] = False
    assert not differs.any()


def test_missing_truncated_and_foreign_files_are_refused_by_name(tmp_path, picture):
    images.write_image(tmp_path / "whole.jpg", picture)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-200])
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "cut.exr").write_bytes(b"\x76\x2f\x31\x01garbage")
    for name in ("absent.png", "cut.jpg", "text.png", "cut.exr", "."):
        with pytest.raises(InputError, match=re.escape(str(tmp_path))):
            images.read_image(tmp_path / name)


def test_a_huge_header_is_refused_before_decoding(tmp_path, monkeypatch):
    Image.new("L", (64, 64)).save(tmp_path / "big.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 64 * 63)
    with pytest.raises(InputError, match="64x64"):
        images.read_image(tmp_path / "big.png")


def test_a_failed_write_leaves_neither_file_nor_partial(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail_halfway():
        with images.atomic_path(target) as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    assert target.read_text() == "old"


def test_writing_below_a_file_is_one_clear_refusal(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        images.write_text(tmp_path / "file" / "inside.txt", "x")


def test_masks_on_disk_are_strict(tmp_path):
    images.write_mask(tmp_path / "m.png", np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4))
    assert set(np.asarray(Image.open(tmp_path / "m.png")).ravel()) == {0, 255}


@pytest.mark.parametrize("broken", ["size", "empty"])
def test_triplets_with_unusable_masks_are_refused(tmp_path: Path, picture, broken):
    paths = TripletPaths(tmp_path / "c.png", tmp_path / "m.png", tmp_path / "r.png", "rendered", "g")
    images.write_image(paths.composite, picture)
    images.write_image(paths.real, picture)
    images.write_mask(paths.mask, np.ones((24, 31)) if broken == "size" else np.zeros((24, 32)))
    with pytest.raises(InputError, match=r"m\.png"):
        load_triplet(paths)
