# SPDX-License-Identifier: Apache-2.0
"""`harmonize predict` on what it may meet: each file ends in a right result or one sentence, and nothing half done."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import odd_inputs as odd
import OpenEXR
import pytest
import tifffile
from PIL import Image

from harmonize_core import cli

SHARES = (0.02, 0.4, 0.75, 0.995)


@pytest.fixture
def predict(tmp_path, capsys):
    """Runs the command in this process; its exit code and its refusal, if that is one sentence and nothing was left."""

    def run(*arguments: str | Path, out: str) -> tuple[int, str]:
        capsys.readouterr()
        words = [str(word) for word in arguments]
        code = cli.main(["predict", *words, "--model", "reinhard", "--out", str(tmp_path / "out" / out), "--quiet"])
        said = capsys.readouterr()
        left = (
            [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
            if (tmp_path / "out").exists()
            else []
        )
        if code == 0:
            assert said.err == ""
            assert left == [Path(out).name]
        else:
            assert said.err.startswith("error: ")
            assert said.err.count("\n") - "".join(map(str, arguments)).count("\n") == 1
            assert left == []
        return code, said.err

    return run


def mask_for(folder: Path, size: tuple[int, int]) -> Path:
    mask = odd.coverage(size) if min(size) > 4 else np.full(size, 255, np.uint8)
    Image.fromarray(mask).save(folder / "mask.png")
    return folder / "mask.png"


def decoded(path: Path) -> np.ndarray:
    """(H, W, channels) as stored, read without the code under test."""
    if path.suffix == ".exr":
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return np.stack([c.pixels.astype(np.float32) for c in file.channels().values()], axis=-1)
    if path.suffix == ".tif" and path.name not in ("lzw.tif", "packbits.tif", "jpeg_inside.tif", "really_a_png.tif"):
        values = tifffile.imread(path)
        values = np.moveaxis(values, 0, -1) if values.shape[0] == 3 else values
        return values.reshape(*values.shape[:2], -1)
    values = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return values.reshape(*values.shape[:2], -1)


def assert_right(before: np.ndarray, after: np.ndarray, mask: np.ndarray, lossless: bool) -> None:
    """The background is what it was; the size is, too."""
    assert after.shape[:2] == before.shape[:2]
    if after.shape != before.shape:  # grey with alpha of 16 bits is written as RGBA
        before = np.broadcast_to(before[..., :1], after.shape)
    outside = mask == 0
    if lossless:
        assert after.dtype == before.dtype
        assert np.array_equal(after[outside], before[outside], equal_nan=after.dtype.kind == "f")
    elif outside.any():
        assert np.abs(after[outside].astype(float) - before[outside]).mean() < 12


@pytest.mark.parametrize("name", odd.RIGHT)
def test_an_odd_picture_comes_out_right(name, tmp_path, predict):
    path = tmp_path / name
    odd.RIGHT[name](path)
    before = decoded(path)
    turned = name == "orientation_6.jpg"
    mask = mask_for(tmp_path, before.shape[1::-1] if turned else before.shape[:2])
    assert predict(path, "--mask", mask, out=name) == (0, "")
    stored = np.asarray(Image.open(mask))
    after = decoded(tmp_path / "out" / name)
    assert_right(before, after, np.rot90(stored) if turned else stored, path.suffix not in (".jpg",))
    if (stored == 0).any() and np.isfinite(before).all():
        assert not np.array_equal(before, after)


@pytest.mark.parametrize("name", odd.REFUSED)
def test_what_cannot_be_harmonized_is_refused_in_one_sentence(name, tmp_path, predict):
    make, reason = odd.REFUSED[name]
    make(tmp_path / name)
    code, said = predict(tmp_path / name, "--mask", mask_for(tmp_path, (odd.HEIGHT, odd.WIDTH)), out=name)
    assert code == 1
    assert reason in said
    assert name in said


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", odd.GOOD)
def test_a_file_cut_off_anywhere_is_refused_or_was_whole(name, share, tmp_path, predict):
    """The last bytes of some formats hold no pixels, so that the picture may still be right."""
    path = tmp_path / name
    odd.cut(odd.GOOD[name], path.suffix, 1)(path)
    before = decoded(path)
    odd.cut(odd.GOOD[name], path.suffix, share)(path)
    mask = mask_for(tmp_path, before.shape[:2])
    code, _ = predict(path, "--mask", mask, out=name)
    assert code == 1 or share > 0.99
    if code == 0:
        assert_right(before, decoded(tmp_path / "out" / name), np.asarray(Image.open(mask)), path.suffix != ".jpg")


@pytest.mark.parametrize("at", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("name", odd.GOOD)
def test_a_scratched_file_gives_a_picture_or_a_sentence(name, at, tmp_path, predict):
    """Where the scratch is in pixels that nothing guards, the picture is what the file now says."""
    path = tmp_path / name
    odd.scratched(odd.GOOD[name], path.suffix, at)(path)
    mask = mask_for(tmp_path, (odd.HEIGHT, odd.WIDTH))
    code, said = predict(path, "--mask", mask, out=name)
    if code == 0:
        assert decoded(tmp_path / "out" / name).shape[:2] == (odd.HEIGHT, odd.WIDTH)
    else:
        assert name in said


BOX = odd.coverage()

MASKS: dict[str, tuple[odd.Maker, str]] = {
    "empty.png": (lambda path: Image.fromarray(BOX * 0).save(path), "is 0 everywhere"),
    "other_size.png": (lambda path: Image.fromarray(BOX[:, :9]).save(path), "is 9x16"),
    "turned.png": (lambda path: Image.fromarray(BOX.T.copy()).save(path), "is 16x24"),
    "zeros_and_ones.png": (lambda path: Image.fromarray((BOX > 0).astype(np.uint8)).save(path), "0 and 1 of 255"),
    "text.png": (odd.written(b"no"), "not a readable image"),
    "cut.png": (odd.cut(odd.encoded(".png"), ".png", 0.5), "damaged"),
    "folder.png": (lambda path: (path.mkdir(), (path / "a.txt").write_text("")), "should give images"),
    "no_matte.exr": (lambda path: odd.exr(path, {"B": odd.linear()[..., 0], "G": odd.linear()[..., 1]}), "A, Y or R"),
    "other_window.exr": (
        lambda path: odd.exr(path, {"A": odd.linear()[..., 0]}, displayWindow=odd.window(0, 0, 99, 49)),
        "is 100x50",
    ),
    "full.png": (lambda path: Image.fromarray(BOX * 0 + 255).save(path), ""),
    "one_bit.png": (lambda path: Image.fromarray(BOX > 0).save(path), ""),
    "sixteen.png": (lambda path: cv2.imwrite(str(path), BOX.astype(np.uint16) * 257), ""),
    "palette.png": (lambda path: Image.fromarray(BOX).convert("P").save(path), ""),
    "white_with_alpha.png": (
        lambda path: Image.fromarray(np.dstack([BOX * 0 + 255] * 3 + [BOX])).save(path),
        "",
    ),
    "red.exr": (lambda path: odd.exr(path, {"R": (BOX / 255).astype(np.float16)}), ""),
    "named.exr": (lambda path: odd.exr(path, {"matte.X": (BOX / 255).astype(np.float16)}), ""),
    "nan.exr": (lambda path: odd.exr(path, {"A": np.where(BOX > 0, 1, np.nan).astype(np.float32)}), ""),
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_of_any_kind_is_used_or_refused(name, tmp_path, predict):
    image = tmp_path / "shot.png"
    odd.image().save(image)
    make, reason = MASKS[name]
    make(tmp_path / name)
    code, said = predict(image, "--mask", tmp_path / name, out="shot.png")
    assert code == bool(reason)
    assert reason in said
    if not reason:
        before, after = decoded(image), decoded(tmp_path / "out" / "shot.png")
        if name == "full.png":
            assert np.array_equal(before, after)  # there is no background to take colours from
        else:
            changed = (before != after).any(axis=-1)
            assert not changed[BOX == 0].any()
            assert changed[BOX == 255].mean() > 0.9


ARGUMENTS: dict[str, tuple[list[str], str, str]] = {
    "no alpha": (["shot.png"], "o.png", "has no alpha that could be the mask"),
    "opaque alpha": (["opaque.png"], "o.png", "has no alpha that could be the mask"),
    "layer of a PNG": (["shot.png", "--mask", "mask.png", "--layer", "beauty"], "o.png", "--layer is for EXR"),
    "no such layer": (["shot.exr", "--mask", "mask.png", "--layer", "beauty"], "o.exr", "no layer named 'beauty'"),
    "no such mask layer": (["shot.exr", "--mask", "shot.exr", "--mask-layer", "m"], "o.exr", "no layer named 'm'"),
    "no cryptomatte": (["shot.exr", "--crypto-object", "Rhino"], "o.exr", "holds no cryptomatte"),
    "cryptomatte of a PNG": (["shot.png", "--crypto-object", "Rhino"], "o.png", "needs an EXR"),
    "two ways": (["shot.exr", "--crypto-object", "a", "--mask-layer", "b"], "o.exr", "two ways"),
    "one mask for two": (["shot.png", "opaque.png", "--mask", "mask.png"], "o", "one file for 2 images"),
    "no picture of a pattern": (["no_*.png", "--mask", "mask.png"], "o", "there are none"),
    "EXR out of PNG": (["shot.png", "--mask", "mask.png"], "o.exr", "cannot be written as"),
    "unknown kind": (["shot.png", "--mask", "mask.png"], "o.gif", "should end in"),
    "below a file": (["shot.png", "--mask", "mask.png"], "../shot.png/o.png", "none; choose another --out"),
    "over the mask": (["shot.png", "--mask", "mask.png"], "../mask.png", "would replace the input"),
    "over the image by a link": (["shot.png", "--mask", "mask.png"], "../link.png", "would replace the input"),
    "missing mask": (["shot.png", "--mask", "gone.png"], "o.png", "gone.png does not exist"),
    "inverted full mask": (["shot.png", "--mask", "full.png", "--invert-mask"], "o.png", "is 0 everywhere"),
    "negative strength": (["shot.png", "--mask", "mask.png", "--strength", "-1"], "o.png", "--strength should be"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_that_cannot_work_are_refused(name, tmp_path, monkeypatch, predict):
    monkeypatch.chdir(tmp_path)
    odd.image().save("shot.png")
    odd.image().convert("RGBA").save("opaque.png")
    odd.exr(tmp_path / "shot.exr")
    mask_for(tmp_path, (odd.HEIGHT, odd.WIDTH))
    Image.fromarray(BOX * 0 + 255).save("full.png")
    Path("link.png").symlink_to("shot.png")
    (tmp_path / "out").mkdir()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    words, out, reason = ARGUMENTS[name]
    code, said = predict(*words, out=out)
    assert code in (1, 2)
    assert reason in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
