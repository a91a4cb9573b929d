# SPDX-License-Identifier: Apache-2.0
"""Own styles: a file becomes distributions, numbers, conditions and labels; what is wrong in it is named."""

import dataclasses
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest

import rdharmony_gen
from harmonize_core.errors import ConfigError, DatasetError, HarmonizeError, InputError
from harmonize_core.formats.images import write_exr
from harmonize_core.formats.rdharmony import LabelLine, format_label_line, parse_label_line, soft_label
from rdharmony_gen.cli import main
from rdharmony_gen.light import atmosphere, hdri, practicals, sky
from rdharmony_gen.options import SetOptions, spec_of
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.sampling.plan import plan_job
from rdharmony_gen.sampling.style_file import read_styles
from rdharmony_gen.spec.codec import decode_text, encode
from rdharmony_gen.spec.dataset import DatasetSpec, growth_only, label_length, read_spec
from rdharmony_gen.spec.styles import STYLES, Lamps, SunAndSky, style_lines, words_of

EXAMPLE = Path(rdharmony_gen.__file__).parent / "examples" / "styles.toml"

TOML = """
[[style]]
name = "fog"
like = "other_cloudy"
visibility_m = [40, 120]

[[style]]
name = "neon"
light = "lamps"
colours = ["#ff0000", "#0000ff"]
glow = 0.2
"""
YAML = """
style:
  - name: fog
    like: other_cloudy
    visibility_m: [40, 120]
  - {name: neon, light: lamps, colours: ["#ff0000", "#0000ff"], glow: 0.2}
"""


def _file(folder, text, name="own.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_toml_and_yaml_mean_the_same(tmp_path):
    fog, neon = read_styles(_file(tmp_path, TOML))
    assert (fog, neon) == read_styles(_file(tmp_path, YAML, "own.yaml"))
    assert isinstance(fog, SunAndSky)
    assert isinstance(neon, Lamps)
    assert (fog.style_id, neon.style_id) == (11, 12)
    assert fog.cloud_cover == STYLES[8].cloud_cover
    assert fog.visibility_m == (40.0, 120.0)
    assert neon.glow == (0.2, 0.2)


def test_the_example_reads_and_is_listed():
    styles = read_styles(EXAMPLE)
    assert {type(s).__name__ for s in styles} == {"SunAndSky", "Hdri", "Lamps"}
    lines = style_lines(styles)
    assert len(lines) == 1 + len(styles)
    assert all(style.name in line for style, line in zip(styles, lines[1:], strict=True))


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "visibility_m",
            "visibilty_m",
            "own.toml:5 has the unknown key of the light sun_and_sky 'visibilty_m'; did you",
        ),
        ('"lamps"', '"lamp"', "own.toml:9 has the light 'lamp'; did you mean 'lamps'?"),
        ("other_cloudy", "other_clowdy", "own.toml:4 has like = 'other_clowdy'; did you mean 'other_cloudy'?"),
        (
            "[40, 120]",
            "[120, 40]",
            "own.toml:5 should have visibility_m = [low, high], both from 5 to 20000 in this order",
        ),
        ("[40, 120]", "[1, 2, 3]", "own.toml:5 should have visibility_m = [low, high]"),
        ("[40, 120]", "[nan, 120]", "own.toml:5 should have visibility_m = [low, high]"),
        ("[40, 120]", '"far"', "own.toml:5 should have visibility_m = [low, high]"),
        ("0.2", "true", "own.toml:11 should have glow"),
        ('"#ff0000"', '"red"', "own.toml:10 has the colour 'red', which should read #rrggbb"),
        ('["#ff0000", "#0000ff"]', '"#ff0000"', "own.toml:10 has a wrong value for colours"),
        ('"neon"', '"fog"', "own.toml:8 names a style 'fog', as another style in it has"),
        ('"neon"', '"night"', "own.toml:8 names a style 'night', as a style of the program has"),
        ('"neon"', '"../neon"', "own.toml:8 has the name '../neon', which should be lower case letters"),
        ('"neon"', '"coverage"', "own.toml:8 has the name 'coverage'"),
        ('light = "lamps"\n', "", "own.toml:7 has a style without a light"),
        ('name = "neon"\n', "", "own.toml:7 has a style without a name"),
        ("[[style]]", "[[styles]]", "has the unknown key 'styles'; did you mean 'style'?"),
        ("glow = 0.2", "glow = ", "should be TOML but is not"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path, old, new, text):
    assert old in TOML
    with pytest.raises(ConfigError) as caught:
        read_styles(_file(tmp_path, TOML.replace(old, new)))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("style: &a [*a]", "uses an alias"),
        ("style: " + "[" * 3000 + "]" * 3000, "should nest less deeply"),
        ("style: !!python/object/apply:os.system [ls]", "should hold a table"),
        ("{style: [1]}", "own.yaml:1 should hold a table"),
        ("style:\n- name: a\n  name: b", "own.yaml:3 has the key 'name' twice"),
        ("", "should hold a list of tables"),
    ],
)
def test_hostile_yaml_is_refused(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        read_styles(_file(tmp_path, text, "own.yaml"))
    assert words in str(caught.value)


def test_panoramas_are_checked_when_the_style_is_read_and_when_it_is_used(tmp_path):
    own = '[[style]]\nname = "photo"\nlight = "hdri"\nhdri = "{}"\n'
    for name, words in (("nowhere.exr", "does not exist"), ("hdri_prk", "did you mean 'hdri_park'?")):
        with pytest.raises(InputError) as caught:
            read_styles(_file(tmp_path, own.format(name)))
        assert "own.toml:4" in str(caught.value)
        assert words in str(caught.value)
    light = np.full((32, 64), 0.5)
    broken = light.copy()
    broken[3, 3] = np.nan
    for channels, words in (
        ({"R": light, "G": light, "B": broken}, "finite"),
        ({"Y": light}, "channels R, G, B"),
        ({c: light[:, :48] for c in "RGB"}, "twice as wide as high"),
    ):
        write_exr(tmp_path / "own.exr", channels)
        with pytest.raises(InputError, match=words):
            read_styles(_file(tmp_path, own.format("own.exr")))
    (tmp_path / "lie.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 999999 +X 999999\nx")
    with pytest.raises(InputError, match="more than the"):
        read_styles(_file(tmp_path, own.format("lie.hdr")))

    write_exr(tmp_path / "own.exr", dict.fromkeys("RGB", light))
    (style,) = read_styles(_file(tmp_path, own.format("own.exr")))
    assert style.hdri == str(tmp_path / "own.exr")
    (condition,) = sample_conditions(7, "park", 0, 0, [style])
    assert condition.key_irradiance == (0.0, 0.0, 0.0)
    assert len(condition.hdri_sha256) == 64
    write_exr(tmp_path / "own.exr", dict.fromkeys("RGB", 2 * light))
    for cache in (hdri.load, hdri.split, hdri._digest):
        cache.cache_clear()
    with pytest.raises(InputError, match="was changed"):
        sky.panorama(condition, 64)


def test_a_radiance_file_gives_its_light_and_its_sun(tmp_path):
    view = hdri.directions(256)
    towards = np.array([0.6, 0.0, 0.8])
    picture = np.where((view @ towards > np.cos(np.radians(1.5)))[..., None], 4000.0, [0.2, 0.4, 0.8])
    assert cv2.imwrite(str(tmp_path / "sun.hdr"), picture[..., ::-1].astype(np.float32))
    own = '[[style]]\nname = "photo"\nlight = "hdri"\nhdri = "sun.hdr"\nrotation_deg = 90\nirradiance = 5\n'
    (condition,) = sample_conditions(7, "park", 0, 0, read_styles(_file(tmp_path, own)))
    assert condition.elevation_deg == pytest.approx(np.degrees(np.arcsin(0.8)), abs=0.6)
    assert condition.azimuth_deg == pytest.approx(180.0, abs=0.6)  # east in the file, a quarter clockwise
    total = np.array(condition.sky_irradiance) + 0.8 * np.array(condition.key_irradiance)
    assert total.mean() == pytest.approx(5.0, rel=0.05)
    brightest = sky.panorama(condition, 512)[:120].sum(axis=-1)
    row, column = np.unravel_index(brightest.argmax(), brightest.shape)
    sun = atmosphere.direction(condition.elevation_deg, condition.azimuth_deg)
    assert np.degrees(np.arccos(sky.directions(512)[row, column] @ sun)) < 1.5


def test_styles_of_one_time_share_the_sun_and_fog_takes_it_away(tmp_path):
    base = '[[style]]\nname = "{}"\nlike = "noon_clear"\n{}\n'
    own = read_styles(
        _file(
            tmp_path,
            base.format("far", "")
            + base.format("thin", "visibility_m = 2000")
            + base.format("thick", "visibility_m = 30"),
        )
    )
    noon, far, thin, thick = sample_conditions(7, "park", 0, 0, [STYLES[3], *own])
    assert (noon.elevation_deg, noon.azimuth_deg) == (far.elevation_deg, far.azimuth_deg)
    keys = [np.mean(c.key_irradiance) for c in (far, thin, thick)]
    assert keys[0] > keys[1] > 5 * keys[2]
    blueness = [c.sky_irradiance[2] / c.sky_irradiance[0] for c in (far, thin, thick)]
    assert blueness[0] > blueness[1] > blueness[2]


def test_lamps_take_their_colours_in_turn(tmp_path):
    _, neon = read_styles(_file(tmp_path, TOML))
    (condition,) = sample_conditions(7, "park", 0, 0, [neon])
    assert practicals.lamp_colours(condition, 3) == [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)]
    assert condition.signs > 0
    # the signs light an upright surface that looks at them all; half of that falls on one that sees half of them
    dark = sky.panorama(dataclasses.replace(condition, signs=0), 512, disc=False)
    glow = sky.panorama(condition, 512, disc=False).astype(float) - dark
    facing = (glow[:128].sum(axis=-1) * hdri.solid_angles(256, 512)[:128]).sum() / 2
    assert facing == pytest.approx(condition.sign_irradiance, rel=0.3)


def test_a_recipe_with_own_styles_numbers_plans_and_round_trips(tmp_path):
    path = _file(tmp_path, TOML)
    spec = spec_of(SetOptions(views=1, styles=("night", str(path)), scenes=("park",), view_transform="agx"))
    assert spec.styles == ("night", "fog", "neon")
    assert label_length(spec) == 12
    assert [c.style_id for c in plan_job(spec, "human", 0).conditions] == [10, 11, 12]
    assert decode_text(encode(spec), DatasetSpec, "here") == spec
    assert growth_only(spec, dataclasses.replace(spec, view_transform="filmic")) is not None
    (tmp_path / "spec.json").write_text(encode(spec).replace('"fog"', '"../fog"'))
    with pytest.raises(ConfigError, match="plain names"):
        read_spec(tmp_path / "spec.json")
    with pytest.raises(HarmonizeError, match="no style is named 'fgo'; did you mean 'fog'"):
        spec_of(SetOptions(styles=("fgo", str(path))))
    with pytest.raises(HarmonizeError, match="--view-transform should be"):
        spec_of(SetOptions(view_transform="agxx"))
    assert words_of("noon_clear") == "noon, clear"


def test_labels_are_as_long_as_the_set_has_styles_and_at_least_ten():
    path = PurePosixPath("SHuman/composite_images/park_00_v000-12_3.jpg")
    long = LabelLine(path, soft_label(12, 3, 0.2, 12), 12)
    assert parse_label_line(format_label_line(long), "here") == long
    assert len(soft_label(1, 2, 0.3)) == 10
    for text in (
        format_label_line(LabelLine(path, (1.0,) + (0.0,) * 7, 1)),
        format_label_line(LabelLine(path, (1.0,) + (0.0,) * 11, 13)),
        format_label_line(LabelLine(path, (1.0,) + (0.0,) * 5000, 1)),
    ):
        with pytest.raises(DatasetError, match="10 soft labels or more"):
            parse_label_line(text, "here")


def test_the_command_lists_a_file_and_refuses_a_wrong_one(tmp_path, capsys):
    main(["styles", str(EXAMPLE)])
    assert "neon_night" in capsys.readouterr().out
    with pytest.raises(SystemExit) as leaving:
        main(["styles", str(_file(tmp_path, TOML.replace("glow", "glwo")))])
    assert leaving.value.code == 1
    assert "did you mean 'glow'?" in capsys.readouterr().err


def test_training_refuses_more_styles_than_its_classifiers_know(tmp_path):
    from harmonize_core.train.config import TrainConfig
    from harmonize_core.train.sets import open_sets

    line = LabelLine(PurePosixPath("SHuman/composite_images/park-1_12.jpg"), soft_label(1, 12, 0.2, 12), 1)
    (tmp_path / "SHuman").mkdir()
    (tmp_path / "SHuman" / "SHuman_all_labeled.txt").write_text(format_label_line(line) + "\n")
    with pytest.raises(
        DatasetError, match="should have the 10 styles that the style classifiers know but has labels of 12"
    ):
        open_sets(TrainConfig(rendered=tmp_path, photographic=tmp_path))


@pytest.mark.parametrize("elevation", [40.0, 60.0])
def test_the_horizon_under_a_high_sun_is_pale_and_never_green(elevation):
    around = np.stack([atmosphere.direction(1.0, azimuth) for azimuth in range(0, 360, 30)])
    red, green, blue = atmosphere.clear_sky(around, elevation, 0.0, 2.6).mean(axis=0)
    assert blue > green > red > 0.65 * blue
    zenith = atmosphere.clear_sky(atmosphere.direction(89.0, 180.0)[None], elevation, 0.0, 2.6)[0]
    assert zenith[2] > 2 * zenith[0]
