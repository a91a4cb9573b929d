# SPDX-License-Identifier: Apache-2.0
"""Look files: what is saved comes back, other programs read it the same way, and damaged files are refused."""

import json
import re
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest

from harmonize_core.errors import HarmonizeError, InputError, UnknownName
from harmonize_core.infer.look_files import SavedLooks, check_savable, load_look, load_looks, save_look, save_looks
from harmonize_core.infer.look_files_cube import cube_of
from harmonize_core.infer.look_files_json import FORMAT
from harmonize_core.runtime.cube import Cube
from harmonize_core.runtime.look import Look
from harmonize_core.runtime.transform import ColorTransform

GRADE = np.array([0.7, 0.3, -0.1, 0.01, 0.005, 0.02, 0.2, -0.1, 0.15, -0.3], np.float32)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def look(rng) -> Look:
    return Look(GRADE, rng.uniform(-0.5, 0.5, (12, 6, 5)).astype(np.float32))


@pytest.fixture
def affine(rng) -> ColorTransform:
    return ColorTransform((np.eye(3, 4) + rng.uniform(-0.1, 0.1, (4, 4, 3, 4))).astype(np.float32))


def by_ocio(path: Path, colors: np.ndarray, name: str = "") -> np.ndarray:
    """Colours (N, 3) through a file, as programs built on OpenColorIO apply it."""
    transform = ocio.FileTransform(str(path), cccId=name)
    processor = ocio.Config.CreateRaw().getProcessor(transform)
    exact = processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    result = np.ascontiguousarray(colors, np.float32).copy()
    exact.applyRGB(result)
    return result


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and all(np.array_equal(a, vars(other)[name]) for name, a in vars(one).items())


def test_json_keeps_every_bit_of_a_look_and_of_a_transform(look, affine, tmp_path):
    for kind in (look, affine):
        save_look(tmp_path / "one.json", kind, "charmnet_hr")
        assert same(load_look(tmp_path / "one.json"), kind)
        assert load_looks(tmp_path / "one.json").model == "charmnet_hr"


def test_a_shot_is_one_file_and_frames_between_are_mixed(look, tmp_path):
    shot = SavedLooks(tuple(look.scaled(s) for s in (0.0, 1.0, 0.5)), (101, 103, 110), "charmnet_hr")
    save_looks(tmp_path / "shot.json", shot)
    found = load_looks(tmp_path / "shot.json")
    assert found.frames == shot.frames
    for frame, strength in ((101, 0), (102, 0.5), (103, 1), (1, 0), (999, 0.5)):
        np.testing.assert_allclose(found.at(frame).map, strength * look.map, atol=1e-6)
    with pytest.raises(InputError, match="frames 101 to 110, but the picture has no frame number"):
        found.at(None)
    with pytest.raises(InputError, match="3 frames, not of one"):
        load_look(tmp_path / "shot.json")


@pytest.mark.parametrize("suffix", [".cdl", ".ccc", ".cc"])
def test_opencolorio_grades_as_we_do(suffix, look, tmp_path, rng):
    file = tmp_path / f"grade{suffix}"
    save_look(file, look, 'a "name" & <more>')
    light = rng.random((500, 3), dtype=np.float32) ** 2 * 8
    np.testing.assert_allclose(by_ocio(file, light), look.cdl().apply(light.T).T, rtol=2e-5, atol=1e-5)
    loaded = load_look(file)
    np.testing.assert_allclose(loaded.grade, look.grade, atol=1e-5)
    assert not loaded.map.any()


def test_the_page_says_how_a_config_takes_a_look(look, tmp_path, rng):
    page = (Path(__file__).parents[2] / "docs/looks.md").read_text(encoding="utf-8")
    (piece,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    config = ocio.Config.CreateFromBuiltinConfig("cg-config-latest").serialize()
    (tmp_path / "config.ocio").write_text(config.replace("\nlooks:\n", f"\n{piece}"))
    save_look(tmp_path / "look.cdl", look)
    linear = "Linear Rec.709 (sRGB)"
    grade = ocio.LookTransform(src=linear, dst=linear, looks="harmonized")
    processor = ocio.Config.CreateFromFile(str(tmp_path / "config.ocio")).getProcessor(grade)
    light = rng.random((100, 3), dtype=np.float32) * 4
    found = light.copy()
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(found)
    np.testing.assert_allclose(found, look.cdl().apply(light.T).T, rtol=1e-4, atol=1e-5)


def test_a_shot_of_corrections_is_found_by_frame(look, tmp_path, rng):
    file = tmp_path / "shot.ccc"
    shot = SavedLooks((look, look.scaled(0.5)), (7, 8))
    save_looks(file, shot)
    light = rng.random((50, 3), dtype=np.float32)
    expected = look.scaled(0.5).cdl().apply(light.T).T
    np.testing.assert_allclose(by_ocio(file, light, "8"), expected, rtol=2e-5, atol=1e-5)
    assert load_looks(file).frames == (7, 8)
    save_looks(tmp_path / "shot.%04d.cube", shot, points=3)
    assert sorted(p.name for p in tmp_path.glob("*.cube")) == ["shot.0007.cube", "shot.0008.cube"]


def test_grades_of_other_programs_are_read(tmp_path, rng):
    cdl = ocio.CDLTransform(slope=[1.2, 0.9, 0.7], offset=[0.02, 0.0, -0.001], power=[1.1, 0.8, 1.0], sat=0.6)
    light = 0.05 + rng.random((100, 3), dtype=np.float32) * 3
    expected = light.copy()
    ocio.Config.CreateRaw().getProcessor(cdl).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(expected)
    for kind, suffix in (("ColorDecisionList", "cdl"), ("ColorCorrectionCollection", "ccc"), ("ColorCorrection", "cc")):
        file = tmp_path / f"theirs.{suffix}"
        ocio.GroupTransform([cdl]).write(kind, str(file), ocio.Config.CreateRaw())
        look = load_look(file)
        assert isinstance(look, Look)
        np.testing.assert_allclose(look.cdl().apply(light.T).T, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("points", [33, 65])
def test_opencolorio_applies_a_cube_as_we_do(points, look, affine, tmp_path, rng):
    colors = rng.random((2000, 3), dtype=np.float32)
    for name, transform, exact in (("look", look, look.global_only()), ("affine", affine, None)):
        file = tmp_path / f"{name}.cube"
        save_looks(file, SavedLooks((transform,), model="charmnet_hr"), points)
        cube = load_look(file)
        assert isinstance(cube, Cube)
        theirs = by_ocio(file, colors)
        np.testing.assert_allclose(cube.apply(colors[None], ceiling=None)[0], theirs, atol=1e-5)
        if exact is not None:
            error = np.abs(np.clip(theirs, 0, 1) - exact.apply(colors[None])[0])
            assert np.percentile(error, 99) < 2 / 255


@pytest.mark.parametrize(("points", "largest"), [(33, 16), (65, 9)])
def test_a_cube_is_as_near_to_its_grade_as_the_page_says(points, largest, rng):
    brighter = Look(np.array([0.5, 0.2, -0.1, 0, 0, 0, 0.1, 0, 0.1, 0.1], np.float32), Look.identity().map)
    lower = Look(np.array([-0.3, 0.1, -0.05, -0.02, -0.02, -0.03, 0.1, 0.1, 0.05, -0.1], np.float32), brighter.map)
    colors = rng.random((1, 60_000, 3), dtype=np.float32)
    for look, share in ((brighter, 1), (lower, 0.3)):
        error = np.abs(cube_of(look, points).apply(colors) - look.apply(colors)) * 255
        assert np.percentile(error, 99) < 3
        assert 0.5 * share * largest < error.max() < max(share, 0.5) * largest


def test_outside_of_its_domain_a_cube_changes_colours_as_at_its_edge():
    steps = np.array([0, 0.1, 1], np.float32)
    table = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    cube = Cube(table, (0.2, 0.2, 0.2), (0.8, 0.8, 0.8))
    colors = np.array([[[0.8, 0.5, 0.2], [1.5, 0.5, 0.25], [0.3, 0.1, 5]]], np.float32)
    wanted = [[1, 0.1, 0], [1.7, 0.1, 0.1 * 0.05 / 0.3], [0.1 / 3, 0, 5.2]]  # below 0 there is no colour
    np.testing.assert_allclose(cube.apply(colors, ceiling=None)[0], wanted, atol=1e-6)


def test_names_with_per_cent_are_kept_and_frames_go_where_they_should(look, tmp_path):
    shot = SavedLooks((look, look.scaled(0.5)), (7, 8))
    for name, saved, written in (
        ("100%_%04d.json", shot, ["100%_0007.json", "100%_0008.json"]),
        ("look_50%dark.json", shot, ["look_50%dark.json"]),
        ("100%_%04d.json", SavedLooks((look,)), ["100%_%04d.json"]),
        ("wide.%0999999999d.json", shot, ["wide.%0999999999d.json"]),
    ):
        files = save_looks(tmp_path / name, saved)
        assert [file.name for file in files] == written
        assert all(same(load_looks(file).looks[0], look) for file in files[:1])
    with pytest.raises(InputError, match=r"once where the frame goes \(%04d\) but does 2 times"):
        check_savable(tmp_path / "v%d.%04d.cube", graded=True, frames=2)


def test_a_cube_of_another_program_changes_the_foreground_alone(tmp_path, rng):
    rows = [f"{2 * r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)]
    lines = ["# made elsewhere", "", "LUT_3D_SIZE 2", "DOMAIN_MIN 0 0 0", "DOMAIN_MAX 2 1 1", "", *rows]
    (tmp_path / "red.cube").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    look = load_look(tmp_path / "red.cube")
    image, mask = rng.random((20, 30, 3), dtype=np.float32), np.zeros((20, 30), np.float32)
    np.testing.assert_allclose(look.apply(image), image, atol=1e-6)
    (tmp_path / "red.cube").write_text("\n".join(lines).replace("MAX 2 1 1", "MAX 1 1 1"))
    look = load_look(tmp_path / "red.cube")
    mask[5:15, 5:20] = 1
    changed = look.scaled(0.5).apply(image, mask)
    np.testing.assert_array_equal(changed[mask == 0], image[mask == 0])
    expected = np.minimum(image * [1.5, 1, 1], 1)
    np.testing.assert_allclose(changed[mask == 1], expected[mask == 1], atol=1e-6)


def test_what_a_file_cannot_hold_is_refused_before_it_is_written(look, affine, tmp_path):
    shot = SavedLooks((look, look.scaled(0.5)), (1, 2))
    for name, saved, sentence in (
        ("x.cdl", SavedLooks((affine,), model="pctnet"), "pctnet gives colour transforms without one; save"),
        ("x.cube", shot, r"the shot has 2; use .json or .cdl, or one file a frame \(x.%04d.cube\)"),
        ("x.cc", shot, "can hold one look but the shot has 2"),
    ):
        with pytest.raises(InputError, match=sentence):
            save_looks(tmp_path / name, saved)
    with pytest.raises(UnknownName, match=r"known: \.json, \.cdl"):
        save_look(tmp_path / "x.3dl", look)
    assert not list(tmp_path.iterdir())


LOOK = {"frame": None, "grade": {}, "map": [[[0.0]]] * 12}
LIST = "<ColorDecisionList><ColorDecision><ColorCorrection>{}</ColorCorrection></ColorDecision></ColorDecisionList>"
BOMB = (
    '<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><ColorCorrection><SOPNode>&b;</SOPNode></ColorCorrection>'
)


def file_of(*looks: object, **changed: object) -> str:
    return json.dumps({"format": FORMAT, "kind": "look", "looks": looks, **changed})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.json", "", "is not JSON"),
        ("half.json", file_of(LOOK)[:40], "is not JSON"),
        ("deep.json", "[" * 100_000, "should be a file of looks"),
        ("bytes.json", b"\xff\xfe\x00", "should be a file of looks"),
        ("list.json", "[1, 2]", "Expected `object`"),
        ("other.json", file_of(LOOK, format="harmonize-looks/9"), "says 'harmonize-looks/9'"),
        ("none.json", file_of(), "at least one look"),
        ("key.json", file_of({**LOOK, "mapp": 1}), "did you mean 'map'"),
        ("type.json", file_of({**LOOK, "grade": {"exposure": "1"}}), "Expected `float`, got `str`"),
        ("planes.json", file_of({**LOOK, "map": [[[0.0]]] * 11}), r"look 1 should have numbers of shape \(12,"),
        ("ragged.json", file_of({**LOOK, "map": [[[0.0]]] * 11 + [[[0.0, 1.0]]]}), "numbers of shape"),
        ("nan.json", file_of({**LOOK, "map": [[[float("nan")]]] * 12}), "finite numbers"),
        ("huge.json", file_of({**LOOK, "grade": {"exposure": 1e39}}), "finite numbers"),
        ("burst.json", file_of({**LOOK, "grade": {"exposure": 3000.0}}), "look 1 takes some to infinity"),
        ("kind.json", file_of(LOOK, kind="color-transform"), "should have coefficients alone"),
        ("frames.json", file_of({**LOOK, "frame": 1}, {**LOOK, "frame": 1}), "a frame number of its own"),
        ("sizes.json", file_of({**LOOK, "frame": 1}, {**LOOK, "frame": 2, "map": [[[0.0] * 2]] * 12}), "of one size"),
        ("empty.cdl", "", "should be ASC CDL XML"),
        ("cut.cdl", LIST[:30], "should be ASC CDL XML"),
        ("html.cdl", "<html/>", "should hold a ColorCorrection but holds <html>"),
        ("bomb.cc", BOMB, "document type"),
        ("bomb16.cc", BOMB.encode("utf-16"), "document type"),
        ("two.cdl", LIST.format("<Slope>1 2</Slope>"), "3 finite numbers as Slope but has '1 2'"),
        ("nan.cdl", LIST.format("<Offset>0 nan 0</Offset>"), "3 finite numbers as Offset"),
        ("minus.cdl", LIST.format("<Power>1 -1 1</Power>"), "a Power of 0.001 or more but has -1"),
        ("names.ccc", "<C><ColorCorrection id='a'/><ColorCorrection id='b'/></C>", "2 corrections .'a', 'b'."),
        ("twice.ccc", "<C><ColorCorrection id='1'/><ColorCorrection id='1'/></C>", "two corrections of the id '1'"),
        ("empty.cube", "", "should be a 3D LUT"),
        ("binary.cube", b"\x89PNG\xff", "which is text, but is not"),
        ("curve.cube", "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "should be a 3D LUT alone"),
        ("size.cube", "LUT_3D_SIZE 99999\n", "2 to 129 points a side but says 99999"),
        ("few.cube", "LUT_3D_SIZE 2\n" + "0 0 0\n" * 7, "8 colours of 3 numbers but holds 21 numbers"),
        ("one.cube", "LUT_3D_SIZE 2\n5\n", "8 colours of 3 numbers but holds 1 number;"),
        ("two.cube", "LUT_3D_SIZE 2 3\n", "one number after LUT_3D_SIZE but has '2 3'"),
        ("huge.cube", "LUT_3D_SIZE 2\n" + "1e39 0 0\n" * 8, "finite colours but holds NaN, infinity or more"),
        ("wide.cube", "LUT_3D_SIZE 2\nDOMAIN_MAX 1e39 1 1\n" + "0 0 0\n" * 8, "a domain that grows, within"),
        ("huge.cc", LIST.format("<Slope>1e39 1 1</Slope>"), "3 finite numbers as Slope"),
        ("steep.cc", LIST.format("<Power>0.001 1 1</Power>"), "takes some to infinity"),
        ("words.cube", "LUT_3D_SIZE 2\n0 0 0\nzero", "holds other words"),
        ("nan.cube", "LUT_3D_SIZE 2\n0 0 0\n" + "nan 0 0\n" * 7, "finite colours"),
        ("domain.cube", "LUT_3D_SIZE 2\nDOMAIN_MAX 0 0 0\n" + "0 0 0\n" * 8, "a domain that grows"),
        ("look.txt", "x", "no kind of look file is named '.txt'"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_damaged_and_hostile_files_end_in_one_sentence(name, content, sentence, tmp_path):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(HarmonizeError, match=sentence) as error:
        load_looks(file)
    assert "\n" not in str(error.value)


def test_missing_files_and_folders_are_named(tmp_path):
    (tmp_path / "folder.json").mkdir()
    for name in ("gone.cube", "folder.json"):
        with pytest.raises(InputError, match=f"{name} could not be read"):
            load_looks(tmp_path / name)
