# SPDX-License-Identifier: Apache-2.0
"""What `harmonize predict` keeps of a file, what it reads from it, and how pictures find their masks."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import odd_inputs as odd
import OpenEXR
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from harmonize_core import cli
from harmonize_core.color import srgb_to_linear
from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.formats.cryptomatte import crypto_layers, identity, murmur3_32
from harmonize_core.formats.exr import read_exr_file, write_exr_file
from harmonize_core.formats.exr_attributes import Attribute, read_attributes
from harmonize_core.formats.icc import Tables, color_space, primaries_to_rec709
from harmonize_core.formats.picture import open_picture
from harmonize_core.infer.controls import Controlled, Controls
from harmonize_core.infer.files import Reading, predict_files
from harmonize_core.infer.masks import MaskChoice, mask_of
from harmonize_core.infer.pairs import FileJob, plan_files
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.sequence import harmonize_sequence
from harmonize_core.infer.sequence_frames import find_footage
from harmonize_core.infer.sequence_plan import Steady
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.look_session import LookHarmonizer
from harmonize_core.runtime.session import ModelInfo

BLENDER = Path(__file__).parents[1] / "golden" / "cryptomatte_blender.exr"
"""Rendered with Blender 4.5: spheres named Rhino and Rider é before a Wall, transparent film, 32-bit, 2 ranks x 2."""

BOX = odd.coverage()


@pytest.fixture(scope="module")
def reinhard() -> Predictor:
    return Predictor.untrained("reinhard")


def harmonized(
    predictor: Predictor,
    image: Path,
    mask: np.ndarray | Path | None = BOX,
    strength: float = 1.0,
    choice: MaskChoice | None = None,
) -> Path:
    """Run one picture through; where the result is."""
    if isinstance(mask, np.ndarray):
        Image.fromarray(mask).save(image.parent / "its_mask.png")
        mask = image.parent / "its_mask.png"
    out = image.parent / "out" / image.name
    model = Controlled(predictor, Controls(strength=strength))
    predict_files(model, [FileJob(image, mask, out)], Reading(mask=choice or MaskChoice()))
    return out


def stored(path: Path) -> np.ndarray:
    """As in the file, by a reader that is not the one under test."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as image:
        return np.asarray(image)


def exr_channels(path: Path) -> dict[str, np.ndarray]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {f"{i} {n}": c.pixels for i, part in enumerate(file.parts) for n, c in part.channels.items()}


def test_png_keeps_its_chunks(tmp_path, reinhard):
    extra = [
        odd.chunk(b"pHYs", struct.pack(">IIB", 3000, 3000, 1)),
        odd.chunk(b"tEXt", b"Author\0someone"),
        odd.chunk(b"prVt", b"of another program"),
    ]
    for depth in (8, 16):
        path = tmp_path / f"{depth}.png"
        path.write_bytes(odd.png(odd.WIDTH, odd.HEIGHT, depth, 2, odd.rows_of(odd.pixels(depth)), *extra))
        data = harmonized(reinhard, path).read_bytes()
        assert all(data.count(one) == 1 for one in extra)
        assert data[24] == depth


def test_jpeg_keeps_tables_sampling_profile_and_tags(tmp_path, reinhard):
    profile = odd.wide_profile()
    exif = odd.exif(make="Camera")
    odd.image().save(tmp_path / "a.jpg", quality=71, subsampling=1, icc_profile=profile, exif=exif, comment=b"hello")
    out = harmonized(reinhard, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as before, Image.open(out) as after:
        assert after.quantization == before.quantization
        assert after.layer == before.layer
        assert {k: after.info[k] for k in ("icc_profile", "comment")} == {"icc_profile": profile, "comment": b"hello"}
        assert after.getexif()[0x10F] == "Camera"


def test_webp_is_written_without_loss(tmp_path, reinhard):
    """Also where it was read from a lossy file: only so does the background keep its bits."""
    odd.image().save(tmp_path / "a.webp", quality=50, exif=odd.exif(make="Camera"))
    out = harmonized(reinhard, tmp_path / "a.webp")
    assert np.array_equal(stored(out)[BOX == 0], stored(tmp_path / "a.webp")[BOX == 0])
    with Image.open(out) as after:
        assert after.getexif()[0x10F] == "Camera"


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_keeps_tags_and_premultiplied_colours(depth, compression, tmp_path, reinhard):
    values = odd.pixels(depth, 4).astype(np.float64)
    values[..., :3] *= values[..., 3:] / values.max()
    values = values.astype(odd.pixels(depth).dtype)
    tags = [(271, 2, 0, "Camera", True), (700, 1, 5, b"<xmp>", True)]
    options = {"extrasamples": ["assocalpha"], "resolution": (300, 300), "resolutionunit": 2, "extratags": tags}
    odd.tiff(values, compression=compression, iccprofile=odd.wide_profile(), metadata=None, **options)(
        tmp_path / "a.tif"
    )
    out = harmonized(reinhard, tmp_path / "a.tif")
    after = stored(out)
    assert np.array_equal(after[BOX == 0], values[BOX == 0])
    assert np.array_equal(after[..., 3], values[..., 3])
    assert (after != values).any(axis=-1)[BOX == 255].mean() > 0.9
    assert (after[..., :3] <= after[..., 3:]).all()
    with tifffile.TiffFile(tmp_path / "a.tif") as one, tifffile.TiffFile(out) as two:
        for tag in (271, 282, 283, 296, 338, 700, 34675, 259):
            assert two.pages[0].tags[tag].value == one.pages[0].tags[tag].value


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", "_16.png", ".tif", ".webp"])
def test_a_turned_picture_is_masked_as_it_is_seen(orientation, suffix, tmp_path, reinhard):
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        odd.tiff(extratags=[(274, 3, 1, orientation, True)], metadata=None)(path)
    elif suffix == "_16.png":
        tags = odd.chunk(b"eXIf", odd.exif(orientation=orientation).removeprefix(b"Exif\0\0"))
        path.write_bytes(odd.png(odd.WIDTH, odd.HEIGHT, 16, 2, odd.rows_of(odd.pixels(16)), tags))
    else:
        odd.image().save(path, exif=odd.exif(orientation=orientation), lossless=True)
    with Image.open(path) as image:
        size = ImageOps.exif_transpose(image).size
    mask = np.zeros(size[::-1], np.uint8)
    mask[2:7, 1:9] = 255  # near one corner only
    out = harmonized(reinhard, path, mask)
    with Image.open(path) as before, Image.open(out) as after:
        assert after.getexif().get(0x112, 1) == orientation
        seen = [np.asarray(ImageOps.exif_transpose(one)).astype(int) for one in (before, after)]
    changed = (seen[0] != seen[1]).any(axis=-1)
    assert not changed[mask == 0].any()
    assert changed[mask > 0].mean() > 0.9


@pytest.mark.parametrize("depth", [8, 16])
def test_a_profile_is_honoured_both_ways(depth, tmp_path, reinhard):
    """The network sees sRGB, and its opinion of sRGB stands in the file in the profile's own values."""
    profile = odd.wide_profile()
    odd.tiff(odd.pixels(depth), iccprofile=profile)(tmp_path / "wide.tif")
    wide = open_picture(tmp_path / "wide.tif")
    space = color_space(profile, 3, "test")
    if depth == 8:
        adobe, srgb = ImageCms.getOpenProfile, ImageCms.createProfile("sRGB")
        (tmp_path / "wide.icc").write_bytes(profile)
        seen = ImageCms.profileToProfile(odd.image(), adobe(str(tmp_path / "wide.icc")), srgb)
        assert np.abs(np.clip(wide.srgb, 0, 1) * 255 - np.asarray(seen)).max() < 1.1
    out = open_picture(harmonized(reinhard, tmp_path / "wide.tif"))
    expected = reinhard(wide.srgb, BOX.astype(np.float32) / 255)
    assert np.abs(expected - wide.srgb).max() > 0.05
    assert np.abs(out.srgb - expected).max() < 0.02 if depth == 8 else 0.0005
    same = harmonized(reinhard, tmp_path / "wide.tif", strength=0.0)
    assert np.array_equal(stored(same), odd.pixels(depth))
    every = np.arange(65536, dtype=np.float32)[:, None].repeat(3, 1) / 65535
    assert np.abs(space.from_srgb(space.to_srgb(every)) - every).max() < 2 / 65535


def test_grey_profiles_and_profiles_of_tables():
    grey = color_space(odd.wide_profile(b"GRAY"), 1, "test")
    levels = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    seen = grey.to_srgb(levels)
    assert (seen == seen[:, :1]).all()
    assert np.abs(srgb_to_linear(seen[:, :1]) - levels ** (563 / 256)).max() < 1e-5
    assert np.abs(grey.from_srgb(seen) - levels).max() < 1e-5
    mixed = color_space(odd.wide_profile(), 1, "test")  # a profile for RGB in a grey file
    assert np.abs(mixed.to_srgb(levels) - seen).max() < 5e-4  # its white is rounded to 16 bits
    assert np.abs(mixed.from_srgb(mixed.to_srgb(levels)) - levels).max() < 5e-4
    values = odd.pixels().reshape(-1, 3) / np.float32(255)
    exact = color_space(odd.wide_profile(), 3, "test")
    assert np.abs(Tables(odd.wide_profile()).to_srgb(values) - np.clip(exact.to_srgb(values), 0, 1)).max() < 1.1 / 255


def test_primaries_of_a_file_are_those_of_its_light():
    """White stays white; the red of Rec. 2020 is, in Rec. 709, what ITU-R BT.2087 says."""
    matrix = primaries_to_rec709((0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329), "test")
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert np.allclose(matrix[:, 0], [1.6605, -0.1246, -0.0182], atol=1e-3)


def odd_exr(path: Path) -> None:
    """Two parts, a data window that is not the display window, half and float and integers, attributes of any type."""
    windows = {
        "dataWindow": odd.window(-4, 2, odd.WIDTH - 5, odd.HEIGHT + 1),
        "displayWindow": odd.window(0, 0, 29, 19),
    }
    colors = {c: v for c, v in zip("RGB", np.moveaxis(odd.linear(), -1, 0), strict=True)}
    rest = {
        "A": np.ones((odd.HEIGHT, odd.WIDTH), np.float16),
        "id.X": np.arange(odd.HEIGHT * odd.WIDTH, dtype=np.uint32),
    }
    rest["id.X"] = rest["id.X"].reshape(odd.HEIGHT, odd.WIDTH) * 10_000_000
    header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.PIZ_COMPRESSION, **windows}
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    parts = [
        OpenEXR.Part(header, {k: np.ascontiguousarray(v) for k, v in {**colors, **rest}.items()}, "rgba"),
        OpenEXR.Part(
            {**header, "type": OpenEXR.tiledimage, "tiles": tiles},
            {"Z": odd.linear(np.float32)[..., 0].copy()},
            "depth",
        ),
    ]
    with OpenEXR.File(parts) as file:
        file.write(str(path))
    read = read_exr_file(path)
    shared = [
        Attribute(
            b"chromaticities",
            b"chromaticities",
            struct.pack("<8f", 0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
            0,
        )
    ]
    own = [
        Attribute(b"framesPerSecond", b"rational", struct.pack("<iI", 24000, 1001), 0),
        Attribute(b"i", b"int", struct.pack("<i", 7), 0),
        Attribute(b"none", b"string", b"", 0),
        Attribute(b"long", b"string", b"manifest" * 20_000, 0),
        Attribute(b"of_a_studio_with_very_long_names", b"theirs", bytes(range(50)), 0),
    ]
    attributes = ([*shared, *own], shared)
    with_them = dataclasses.replace(
        read, parts=tuple(dataclasses.replace(p, attributes=a) for p, a in zip(read.parts, attributes, strict=True))
    )
    write_exr_file(path, with_them, 0, {})


def test_exr_keeps_types_windows_parts_and_attributes(tmp_path, reinhard):
    odd_exr(tmp_path / "a.exr")
    mask = np.zeros((20, 30), np.uint8)  # of the display window
    mask[6:14, 4:15] = 255
    out = harmonized(reinhard, tmp_path / "a.exr", mask)
    before, after = exr_channels(tmp_path / "a.exr"), exr_channels(out)
    inside = np.pad(mask[2 : odd.HEIGHT + 2, : odd.WIDTH - 4], ((0, 0), (4, 0))) > 0
    assert before.keys() == after.keys()
    for name, pixels in before.items():
        assert after[name].dtype == pixels.dtype
        assert np.array_equal(after[name][~inside], pixels[~inside])
        assert np.array_equal(after[name], pixels) == (name not in ("0 R", "0 G", "0 B"))
    volatile = (b"chunkCount",)
    for one, two in zip(read_attributes(tmp_path / "a.exr"), read_attributes(out), strict=True):
        assert {(a.name, a.type, a.value) for a in one if a.name not in volatile} == {
            (a.name, a.type, a.value) for a in two if a.name not in volatile
        }


def test_an_exr_mask_lies_where_its_windows_say(tmp_path):
    odd_exr(tmp_path / "a.exr")
    picture = open_picture(tmp_path / "a.exr")
    mask = np.zeros((20, 30), np.uint8)
    mask[6:14, 4:15] = 255
    Image.fromarray(mask).save(tmp_path / "whole.png")
    where = {"dataWindow": odd.window(104, 56, 114, 63), "displayWindow": odd.window(100, 50, 129, 69)}
    odd.exr(tmp_path / "cropped.exr", {"A": np.ones((8, 11), np.float16)}, **where)
    whole = mask_of(picture, tmp_path / "whole.png")
    assert whole.sum() == 8 * 11
    assert np.array_equal(mask_of(picture, tmp_path / "cropped.exr"), whole)
    Image.fromarray(BOX).save(tmp_path / "of_the_data.png")
    assert np.array_equal(mask_of(picture, tmp_path / "of_the_data.png")[2 : odd.HEIGHT + 2, : odd.WIDTH] * 255, BOX)


def test_light_above_white_survives(tmp_path, reinhard):
    """Nothing is clipped or quantised: at strength 0 the file is the same, at 1 highlights stay highlights."""
    values = odd.linear(np.float32) * 20
    odd.exr(tmp_path / "a.exr", {c: values[..., i] for i, c in enumerate("RGB")})
    out = exr_channels(harmonized(reinhard, tmp_path / "a.exr"))
    bright = values[..., 0] > 20
    assert (bright & (BOX == 255)).any()
    assert out["0 R"][bright & (BOX == 255)].min() > 5
    same = exr_channels(harmonized(reinhard, tmp_path / "a.exr", strength=0.0))
    assert np.array_equal(same["0 R"], values[..., 0])


def test_pixels_that_are_no_numbers_stay_as_they_are(tmp_path, reinhard):
    odd.exr_values(np.nan, slice(4, 9))(tmp_path / "a.exr")
    before, after = exr_channels(tmp_path / "a.exr"), exr_channels(harmonized(reinhard, tmp_path / "a.exr"))
    assert all(np.array_equal(np.isnan(before[c]), np.isnan(after[c])) for c in before)


def test_layers_are_found_by_name(tmp_path):
    odd.exr_layers("key.diffuse", "fill.diffuse", "fill.glossy")(tmp_path / "a.exr")
    assert open_picture(tmp_path / "a.exr", "key.diffuse").layer.colors == tuple(f"key.diffuse.{c}" for c in "RGB")
    assert open_picture(tmp_path / "a.exr", "glossy").layer.name == "fill.glossy"
    with pytest.raises(InputError, match="several layers named 'diffuse'"):
        open_picture(tmp_path / "a.exr", "diffuse")


def test_the_alpha_of_a_cut_out_is_its_mask(tmp_path):
    """A pixel of half transparency shows nothing but foreground: it is changed wholly, and stays half transparent."""
    predictor = Predictor.untrained("reinhard")
    odd.exr_with_alpha(tmp_path / "cut.exr")
    picture = open_picture(tmp_path / "cut.exr")
    assert picture.cut_out
    assert np.array_equal(mask_of(picture, None), (BOX > 0).astype(np.float32))
    assert np.array_equal(mask_of(picture, None, MaskChoice(inverted=True)) > 0, BOX < 255)
    soft = np.float16(100 / 255)
    after = exr_channels(harmonized(predictor, tmp_path / "cut.exr", None))
    assert set(np.unique(after["0 A"])) == {0, soft, 1}
    glow = {name: values.copy() for name, values in exr_channels(tmp_path / "cut.exr").items()}
    glow["0 R"][0, 0] = 2  # light of its own, where nothing covers
    odd.exr(tmp_path / "glow.exr", {name[2:]: values for name, values in glow.items()})
    after = exr_channels(harmonized(predictor, tmp_path / "glow.exr", None, choice=MaskChoice(inverted=True)))
    assert after["0 R"][0, 0] > 1
    values = np.dstack([odd.pixels() * (BOX[..., None] > 0), BOX])
    Image.fromarray(values).save(tmp_path / "cut.png")
    assert open_picture(tmp_path / "cut.png").cut_out
    assert np.array_equal(mask_of(open_picture(tmp_path / "cut.png"), None), (BOX > 0).astype(np.float32))


def test_a_matte_beside_a_whole_picture_is_a_soft_mask(tmp_path):
    """A picture that goes on where alpha is 0 is no cut-out."""
    alpha = (BOX / 255).astype(np.float16)
    odd.exr(
        tmp_path / "a.exr", {**{c: v for c, v in zip("RGB", np.moveaxis(odd.linear(), -1, 0), strict=True)}, "A": alpha}
    )
    picture = open_picture(tmp_path / "a.exr")
    assert not picture.cut_out
    assert np.array_equal(mask_of(picture, None), alpha.astype(np.float32))
    Image.fromarray(np.dstack([odd.pixels(), BOX])).save(tmp_path / "a.png")
    assert not open_picture(tmp_path / "a.png").cut_out
    assert np.array_equal(mask_of(open_picture(tmp_path / "a.png"), None), BOX / np.float32(255))


def test_cryptomatte_of_a_renderer(tmp_path, reinhard):
    (layer,) = crypto_layers(read_exr_file(BLENDER))
    assert sorted(layer.manifest) == ["Rhino", "Rider é", "Sun", "Wall"]
    assert all(identity(name) == number for name, number in layer.manifest.items())
    picture = open_picture(BLENDER)
    every = mask_of(picture, None, MaskChoice(objects=("Rhino", "Rider é", "Wall")))
    assert np.array_equal(every > 0, picture.alpha > 0)
    one = mask_of(picture, None, MaskChoice(objects=("Rhino",)))
    assert 100 < one.sum() < every.sum() / 2
    with pytest.raises(InputError, match="'Rino'; its cryptomatte knows: Rhino, Rider é, Sun, Wall"):
        mask_of(picture, None, MaskChoice(objects=("Rino",)))
    (tmp_path / "shot.exr").write_bytes(BLENDER.read_bytes())
    out = harmonized(reinhard, tmp_path / "shot.exr", None, choice=MaskChoice(objects=("Rhino", "Wall")))
    before, after = exr_channels(BLENDER), exr_channels(out)
    chosen = mask_of(picture, None, MaskChoice(objects=("Rhino", "Wall"))) > 0
    for name, pixels in before.items():
        same = after[name].view(np.uint32) == pixels.view(np.uint32)
        assert same.all() if "Crypto" in name or name.endswith("A") else same[~chosen].all() and not same[chosen].all()


def test_names_are_hashed_as_published():
    """Values of the reference implementation of MurmurHash3_x86_32, seed 0."""
    known = {"": 0, "hello": 0x248BFA47, "hello, world": 0x149BBB7F}
    known["The quick brown fox jumps over the lazy dog"] = 0x2E4FF723
    assert {text: murmur3_32(text.encode()) for text in known} == known


def test_scene_linear_light_is_raised_above_white(tmp_path):
    """Through a look of one stop, by itself and as a frame; arrays as a frame of one come out as by themselves."""
    stop = Look(np.array([1, *[0] * 9], np.float32), Look.identity().map)
    brighter = Predictor(LookHarmonizer(lambda composite, mask: stop, ModelInfo("a stop", "", "", 256)))
    values = np.repeat(np.linspace(0.05, 1.5, odd.WIDTH, dtype=np.float32)[None], odd.HEIGHT, axis=0)
    odd.exr(tmp_path / "a.exr", dict.fromkeys("RGB", values))
    out = exr_channels(harmonized(brighter, tmp_path / "a.exr"))["0 G"]
    np.testing.assert_allclose(out[BOX == 255], 2 * values[BOX == 255], rtol=1e-3)
    footage = find_footage([tmp_path / "a.exr"], tmp_path / "its_mask.png", Reading())
    harmonize_sequence(Controlled(brighter), footage, tmp_path / "frames", Steady())
    np.testing.assert_array_equal(exr_channels(tmp_path / "frames" / "a.exr")["0 G"], out)
    beyond = np.stack([values - 0.2, values, values], axis=-1)
    frame = brighter.sequence([beyond], [BOX], sigma_frames=0.0, ceiling=None)[0]
    np.testing.assert_array_equal(frame, brighter(beyond, BOX, ceiling=None))


@pytest.fixture
def shots(tmp_path) -> Path:
    """Four pictures and their masks, named in the four usual ways."""
    for folder in ("in", "masks"):
        (tmp_path / folder).mkdir()
    for name, mask in (("a.png", "a.png"), ("b.jpg", "b_mask.png"), ("c.tif", "c-mask.png"), ("d.png", "d_alpha.png")):
        odd.image().save(tmp_path / "in" / name)
        Image.fromarray(BOX).save(tmp_path / "masks" / mask)
    return tmp_path


def test_folders_are_paired_by_name(shots):
    plan = plan_files([shots / "in"], shots / "masks", shots / "out")
    assert [(j.image.name, j.mask.name, j.out.name) for j in plan.jobs] == [
        ("a.png", "a.png", "a.png"),
        ("b.jpg", "b_mask.png", "b.jpg"),
        ("c.tif", "c-mask.png", "c.tif"),
        ("d.png", "d_alpha.png", "d.png"),
    ]
    only = plan_files([shots / "in" / "[ab].*"], shots / "masks", shots / "out")
    assert [j.image.name for j in only.jobs] == ["a.png", "b.jpg"]
    assert [m.name for m in only.unused] == ["c-mask.png", "d_alpha.png"]
    for path in (shots / "masks").iterdir():
        if path.name != "a.png":
            path.rename(shots / "in" / path.name)
    (shots / "in" / "a.png").unlink()
    together = plan_files([shots / "in"], shots / "in", shots / "out")
    assert [j.image.name for j in together.jobs] == ["b.jpg", "c.tif", "d.png"]


def test_frames_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        odd.image().save(tmp_path / f"f_{number}.png")
    jobs = plan_files([tmp_path], None, tmp_path / "out").jobs
    assert [job.image.name for job in jobs] == ["f_1.png", "f_2.png", "f_10.png"]


def test_the_last_picture_of_a_folder_is_still_one_of_several(shots, reinhard):
    """One left without a foreground is written as it is; as a picture by itself it is refused."""
    Image.new("L", (odd.WIDTH, odd.HEIGHT)).save(shots / "masks" / "a.png")
    for name in ("b.jpg", "c.tif", "d.png"):
        (shots / "out").mkdir(exist_ok=True)
        (shots / "out" / name).touch()
    rest = plan_files([shots / "in"], shots / "masks", shots / "out")
    assert [job.image.name for job in rest.jobs] == ["a.png"]
    assert predict_files(reinhard, rest.jobs, single=rest.single).empty == 1
    alone = plan_files([shots / "in" / "a.png"], shots / "masks" / "a.png", shots / "out")
    with pytest.raises(InputError, match="0 everywhere"):
        predict_files(reinhard, alone.jobs, single=alone.single)


def test_what_does_not_match_is_counted_and_named(shots):
    (shots / "masks" / "c-mask.png").rename(shots / "masks" / "x.png")
    (shots / "masks" / "d_alpha.png").unlink()
    with pytest.raises(InputError, match=r"2 of 4 images .*\(c\.tif, d\.png\), and 1 masks have no image \(x\.png\)"):
        plan_files([shots / "in"], shots / "masks", shots / "out")
    Image.fromarray(BOX).save(shots / "masks" / "a.tif")
    with pytest.raises(ConfigError, match=r"a\.png, a\.tif are all masks of a\.png|a\.tif, a\.png are all"):
        plan_files([shots / "in" / "a*"], shots / "masks", shots / "out")
    with pytest.raises(ConfigError, match="would replace the input"):
        plan_files([shots / "in" / "a.png"], shots / "masks" / "a.png", shots / "in")
    with pytest.raises(ConfigError, match="would both become"):
        plan_files([shots / "in" / "a.png", shots / "masks" / "a.png"], None, shots / "out")
    with pytest.raises(DatasetError, match="there are none"):
        plan_files([shots / "in" / "z*"], shots / "masks", shots / "out")


def test_a_run_is_continued_and_its_bad_picture_named(shots, capsys):
    broken = shots / "in" / "b.jpg"
    good = broken.read_bytes()
    broken.write_bytes(good[:200])
    Image.fromarray(BOX * 0).save(shots / "masks" / "d_alpha.png")
    command = ["predict", str(shots / "in"), "--mask", str(shots / "masks"), "--out", str(shots / "out"), "--model"]
    assert cli.main([*command, "reinhard"]) == 1
    said = capsys.readouterr().err
    assert "b.jpg is damaged" in said
    assert "1 images have an empty mask" in said
    assert sorted(p.name for p in (shots / "out").iterdir()) == ["a.png", "c.tif", "d.png"]
    assert np.array_equal(stored(shots / "out" / "d.png"), stored(shots / "in" / "d.png"))
    (shots / "out" / "a.png").write_bytes(b"mine")
    broken.write_bytes(good)
    assert cli.main([*command, "reinhard"]) == 0
    assert "3 images are there already" in capsys.readouterr().out
    assert (shots / "out" / "a.png").read_bytes() == b"mine"
    assert cli.main([*command, "reinhard", "--overwrite", "--quiet"]) == 0
    assert stored(shots / "out" / "a.png").shape == (odd.HEIGHT, odd.WIDTH, 3)
