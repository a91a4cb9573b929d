# SPDX-License-Identifier: Apache-2.0
"""Subjects and files of the user's own: clothes, several subjects, re-drawn views, characters, scenes. Real Blender."""

import dataclasses
import json
import shutil
import struct
import time
import zlib
from collections import Counter
from pathlib import Path

import bpy
import numpy as np
import pytest

from harmonize_core.errors import InputError
from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender import clothes
from rdharmony_gen.blender.assets import ASSETS, AssetLibrary
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.lighting import light_lamps
from rdharmony_gen.blender.people import PEOPLE as WHO
from rdharmony_gen.blender.people import POSES
from rdharmony_gen.blender.placement import PlacementError, find_view
from rdharmony_gen.blender.render_job import aim, render_job
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Patch, Place, Stage
from rdharmony_gen.blender.subjects import Subject, body_of, draw_subject, put_subject
from rdharmony_gen.light.shared import shared_light
from rdharmony_gen.run.user_files import check_characters, check_scenes
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.styles import STYLES
from rdharmony_gen.spec.user_files import UserCharacter

PEOPLE = ASSETS / "characters"


def _job(scene="park", category="human", view=0, size=48, styles=(4,), **changes):
    chosen = [s for s in STYLES if s.style_id in styles]
    conditions = sample_conditions(7, scene, 0, view, chosen, indoor=scene == "room")
    name = f"{scene}_00_v{view:03d}"
    return RenderJob(f"S/{name}", category, scene, name, 0, view, 7, size, size, 2, conditions, **changes)


def _facts(folder: Path) -> dict:
    return json.loads((folder / "view.json").read_text())


@pytest.mark.parametrize(
    ("asset_id", "skin"),
    [
        ("human_female_08_sitting_ground", (0.75, 0.57, 0.95, 0.66)),
        ("human_female_02_standing", (0.3, 0.62, 0.46, 0.85)),
        ("human_male_05_sitting", (0.74, 0.57, 0.85, 0.64)),
        ("human_male_10_walking_nathan", (0.35, 0.385, 0.5, 0.42)),
        ("human_girl_01_standing", None),
    ],
)
def test_new_colours_reach_clothes_and_nothing_else(asset_id, skin):
    reset(40, 40, 1)
    mesh = AssetLibrary().mesh(asset_id, 3 if "nathan" in asset_id else 0)
    changes = next(c for k in range(9) if (c := clothes.draw(asset_id, rng_for(3, asset_id, k))))
    dressed = clothes.recoloured(asset_id, mesh, changes)
    changed = [(a, b) for a, b in zip(mesh.materials, dressed.materials, strict=True) if a != b]
    assert 1 <= len(changed) <= 2, "face, hair and shoes keep their materials"
    for before, after in changed:
        old, new = (_pixels(m) for m in (before, after))
        assert (np.abs(old - new).max(-1) > 0.02).mean() > 0.1, "cloth should change"
        if skin:
            left, top, right, bottom = (round(v * old.shape[0]) for v in skin)
            assert np.abs(old - new)[top:bottom, left:right].max() < 0.006
        else:
            assert before.name.startswith(("rl_upper", "rl_lower"))


def _pixels(material: bpy.types.Material) -> np.ndarray:
    image = next(n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE")
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1, :, :3]


def _subjects(job: RenderJob, views: int) -> list[Subject]:
    """Who is first seen in views one after the other."""
    return [draw_subject(dataclasses.replace(job, view=k), rng_for(1, "drawn", k)) for k in range(views)]


def test_every_packaged_person_is_seen_in_every_pose_it_has():
    reset(40, 40, 1)
    drawn = _subjects(_job(), 900)
    assert len({s.asset_id for s in drawn}) == 26
    poses = Counter(s.pose for s in drawn)
    assert set(poses) == set(POSES)
    assert poses["standing"] > 1.5 * poses["holding"] > 2 * poses["lying"] > 50
    assert len({s.frame for s in drawn if s.pose == "walking_nathan"}) > 20
    assert sum(bool(s.clothes) for s in drawn) > 600


@pytest.mark.parametrize("seed", [7, 11, 12])
def test_few_views_show_as_many_different_subjects_as_there_are(seed):
    reset(40, 40, 1)
    for category, count in {"human": 12, "car": 10, "bottle": 8, "cow": 3}.items():
        job = dataclasses.replace(_job(category=category), seed=seed)
        shown = [s.asset_id for s in _subjects(job, 2 * count)]
        assert len(set(shown[:count])) == count
        assert max(Counter(shown).values()) <= 2
    assert len({WHO[s.asset_id].face for s in _subjects(dataclasses.replace(_job(), seed=seed), 6)}) >= 5
    cars = _subjects(dataclasses.replace(_job(category="car"), seed=seed), 8)
    assert len({s.paint for s in cars}) == 8
    pairs = dataclasses.replace(_job(), seed=seed, subjects=2)
    for first in (0, 6):
        shown = []
        for view in range(first, first + 6):
            job, rng = dataclasses.replace(pairs, view=view), rng_for(seed, "pair", view)
            shown += [one := draw_subject(job, rng), draw_subject(job, rng, beside=[one])]
        assert len({s.asset_id for s in shown}) >= 10


def test_a_view_that_is_tried_again_shows_somebody_else():
    reset(40, 40, 1)
    job = _job(category="dog")
    assert len({draw_subject(job, rng_for(1, "again"), redraw=k).asset_id for k in range(4)}) == 4


def test_nobody_of_a_view_is_another_of_it():
    reset(40, 40, 1)
    for category, count in (("human", 4), ("car", 3)):
        for view in range(60):
            job = _job(category=category, view=view, subjects=count, styles=())
            rng, group = rng_for(view, "group", category), []
            while len(group) < count:
                group.append(draw_subject(job, rng, beside=group))
            assert len({s.asset_id for s in group}) == count
    own = [UserCharacter(f"p{k}", str(k), (), f"/nowhere/p{k}.glb") for k in range(2)]
    job = _job(characters=tuple(own))
    first = draw_subject(job, rng_for(1, "own"))
    assert draw_subject(job, rng_for(1, "second"), beside=[first]).asset_id != first.asset_id


def test_people_are_dressed_for_the_place_and_nobody_lies_in_snow():
    reset(40, 40, 1)
    wears, light = {}, {}
    for scene in ("snow_village", "beach", "park"):
        drawn = _subjects(_job(scene), 400)
        wears[scene] = {w: sum(WHO[s.asset_id].wear == w for s in drawn) / 400 for w in ("coat", "light")}
        light[scene] = np.median([c.brightness for s in drawn for c in s.clothes])
        assert any(s.pose == "lying" for s in drawn) != (scene == "snow_village")
    assert wears["snow_village"]["coat"] > 2 * wears["park"]["coat"] > 4 * wears["beach"]["coat"]
    assert wears["beach"]["light"] > 1.5 * wears["park"]["light"] > 5 * wears["snow_village"]["light"]
    assert light["snow_village"] < light["park"] < light["beach"]


def test_people_lie_on_grass_only_and_where_there_is_none_another_pose_is_taken():
    lying = next(k for k, s in enumerate(_subjects(_job(), 99)) if s.pose == "lying")
    job = _job(view=lying)
    for lawn_from in (13, 6):
        reset(40, 40, 1)
        stage = Stage(7, "park", 0, AssetLibrary())
        stage.floor("paving", -12, -12, lawn_from, 12, bpy.data.materials.new("stone"))
        stage.floor("ground", lawn_from, -12, 14, 12, bpy.data.materials.new("lawn_short"))
        place = Place((Patch(-12, -12, 12, 12),), (), (), ((-40.0, -40.0, 0.5), (40.0, 40.0, 3.0)))
        view = find_view(stage, place, job, stage.library)
        assert (view.subjects[0].pose == "lying") == (lawn_from == 6)
        assert view.subjects[0].xyz[0] > 6 or lawn_from == 13
        assert view.redraws == 0
        assert sum(count for _, count in view.rejects) < 100


def test_nobody_is_the_twin_of_a_bystander_of_the_place():
    reset(40, 40, 1)
    stage, place = _pillars(count=3)
    stage.library.used += sorted(set(WHO) - {"human_male_03_standing", "human_male_08_lying"})
    assert find_view(stage, place, _job(), stage.library).subjects[0].asset_id == "human_male_03_standing"


def test_a_knife_is_found_a_place_at_once():
    reset(40, 40, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    stage.box("table", (-0.8, -0.5, 0), (0.8, 0.5, 0.75), bpy.data.materials.new("wood"))
    stage.floor("floor", -9, -9, 9, 9, bpy.data.materials.new("tiles"))
    place = Place((), (), (Patch(-0.8, -0.5, 0.8, 0.5, 0.75),), ((-5.0, -5.0, 0.5), (5.0, 5.0, 3.0)))
    views = [find_view(stage, place, _job(category="knife", view=k), stage.library) for k in range(4)]
    assert np.mean([sum(n for _, n in v.rejects) for v in views]) < 40
    assert all(0.022 <= v.fg_ratio_estimate <= 0.43 for v in views)


def test_a_seed_without_a_view_is_followed_by_the_next_and_the_reasons_are_kept():
    """People stand between pillars, most of them hidden: some seeds find no view."""
    views = []
    for _ in range(2):
        reset(40, 40, 1)
        stage, place = _pillars(count=40)
        views.append(find_view(stage, place, _job(view=4), stage.library))
    assert views[0].redraws > 0
    assert views[0] == views[1]
    assert sum(count for _, count in views[0].rejects) >= 400 * views[0].redraws


def test_a_place_that_shows_nobody_is_named_with_the_reasons():
    reset(40, 40, 1)
    stage, place = _pillars(count=40)
    full = dataclasses.replace(place, stand=(Patch(1.55, -0.05, 1.65, 0.05),))
    with pytest.raises(PlacementError, match=r"after 6 seeds: no free ground \(2400x\)"):
        find_view(stage, full, _job(), stage.library)


def _pillars(count: int) -> tuple[Stage, Place]:
    stage = Stage(7, "park", 0, AssetLibrary())
    grey = bpy.data.materials.new("grey")
    stage.floor("floor", -30, -30, 30, 30, grey)
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        x, y = 1.6 * np.sin(angle), 1.6 * np.cos(angle)
        stage.box("pillar", (x - 0.09, y - 0.09, 0), (x + 0.09, y + 0.09, 3), grey)
    room = ((-20.0, -20.0, 0.5), (20.0, 20.0, 3.0))
    return stage, Place((Patch(-0.4, -0.4, 0.4, 0.4),), (), (), room)


def _free_share(scene: bpy.types.Scene, subject: list[bpy.types.Object], before: str, path: Path) -> float:
    """How much of a subject is seen, as rendered with and without the objects whose names begin with `before`."""
    seen = coverage(scene, [subject], path)["Y"].sum()
    for one in [o for o in bpy.data.objects if o.name.startswith(before)]:
        bpy.data.objects.remove(one)
    return float(seen / coverage(scene, [subject], path)["Y"].sum())


@pytest.mark.parametrize("view", [0, 1])
def test_the_place_hides_little_of_a_subject_as_rendered(tmp_path, view):
    scene = reset(96, 96, 1)
    stage, place = _pillars(count=20)
    found = find_view(stage, place, _job(view=view), stage.library)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.lens = found.focal_mm
    aim(camera, found.camera_xyz, found.camera_yaw_deg, found.camera_pitch_deg)
    scene.collection.objects.link(camera)
    scene.camera = camera
    assert _free_share(scene, put_subject(stage, found.subjects[0]), "pillar", tmp_path / "c.exr") > 0.8


def test_what_stands_before_a_subject_is_cut_out_of_its_coverage(tmp_path):
    """A board before the left half, seen against the sky and so nothing but a hole in the subject."""
    scene = reset(32, 32, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    grey = bpy.data.materials.new("grey")
    subject = stage.box("subject", (-1, 0, -1), (1, 0.1, 1), grey)
    stage.box("board", (-3, -1, -3), (0, -0.9, 3), grey)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.rotation_euler = (0, -6, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    share = coverage(scene, [[subject]], tmp_path / "c.exr")["Y"]
    assert share[:, :15].max() == 0
    assert share[13:19, 18:21].min() == 1
    assert _free_share(scene, [subject], "board", tmp_path / "c.exr") == pytest.approx(0.5, abs=0.03)


def test_a_lamp_at_half_its_level_gives_a_quarter_of_its_light_with_either_strategy():
    reset(32, 32, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    stage.put("lamp_02_classic", 0, 0)
    (full,) = (dataclasses.replace(c, lamps=0.8) for c in _job(styles=(10,)).conditions)
    half, power = dataclasses.replace(full, lamps=0.4), {}
    for condition in (full, half):
        light_lamps(stage, condition)
        power[condition.lamps] = stage.lamps[0][0].data.energy
    assert power[0.4] == pytest.approx(power[0.8] / 4)
    assert shared_light((full, half)).lamps_of(half) == (0, pytest.approx(1 / 4))


def _png(path: Path, width: int, height: int) -> None:
    """A picture that is all header: whoever believes it needs gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )


OBJ = """mtllib {0}.mtl
usemtl m
v -{1} 0 -{1}
v {1} 0 -{1}
v {1} 0 {1}
v -{1} 0 {1}
v 0 {2} 0
f 1 2 5
f 2 3 5
f 3 4 5
f 4 1 5
f 4 3 2 1
"""


@pytest.fixture(scope="module")
def characters(tmp_path_factory):
    """A folder as people have them, checked: good files of several kinds and bad ones of all kinds."""
    folder = tmp_path_factory.mktemp("characters")
    shutil.copy(PEOPLE / "human_female_01_standing.glb", folder / "Anna B.glb")
    reset(40, 40, 1)
    AssetLibrary()
    bpy.ops.import_scene.gltf(filepath=str(PEOPLE / "human_male_10_walking_nathan.glb"))
    for rig in [o for o in bpy.data.objects if o.type == "ARMATURE"]:
        for bone in rig.pose.bones:
            bone.custom_shape = None
    for helper in [o for o in bpy.data.objects if o.name.startswith("Icosphere")]:
        bpy.data.objects.remove(helper)
    bpy.ops.export_scene.fbx(filepath=str(folder / "walker.fbx"), path_mode="COPY", embed_textures=True)
    bpy.ops.file.pack_all()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "walker.blend"))
    for name, size in {"cone_cm": 100.0, "cone_odd": 6000.0, "cone_json": 6000.0}.items():
        (folder / f"{name}.obj").write_text(OBJ.format(name, 0.3 * size, 1.7 * size))
        (folder / f"{name}.mtl").write_text("newmtl m\nKd 0.5 0.1 0.1\n")
    (folder / "cone_json.json").write_text('{"height_m": 0.6, "yaw_deg": 90, "category": "dog"}')
    for name in ("untextured", "huge"):
        (folder / f"{name}.obj").write_text(OBJ.format(name, 0.3, 1.7))
        (folder / f"{name}.mtl").write_text(
            "newmtl m\nmap_Kd gone.png\n".replace("gone", "wide" * (name == "huge") or "gone")
        )
    _png(folder / "wide.png", 30000, 30000)
    (folder / "cut.glb").write_bytes((folder / "Anna B.glb").read_bytes()[:9000])
    (folder / "cut.fbx").write_bytes((folder / "walker.fbx").read_bytes()[:9000])
    (folder / "cut.blend").write_bytes((folder / "walker.blend").read_bytes()[:9000])
    (folder / "words.obj").write_text("no faces here")
    (folder / "nothing.gltf").write_bytes(b"")
    return {one.path.name: one for one in check_characters(folder)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cone_odd.obj", r"units high, which is no height of a human .*say it as height_m in cone_odd\.json"),
        ("untextured.obj", r"needs the file gone\.png, which is missing"),
        ("huge.obj", "wide.png of 30000x30000 pixels, more than 8192; make it smaller"),
        ("cut.glb", r"is not a whole \.glb file"),
        ("cut.fbx", "cannot be read by Blender"),
        ("cut.blend", r"is not a whole \.blend file"),
        ("words.obj", "holds no mesh"),
        ("nothing.gltf", "is empty"),
    ],
)
def test_what_is_wrong_with_a_character_is_said_before_rendering(characters, name, words):
    import re

    one = characters[name]
    assert one.character is None
    assert len(one.problems) == 1
    assert re.search(words, one.problems[0])
    assert "\n" not in one.problems[0]


def test_good_characters_stand_in_metres_facing_the_front(characters):
    reset(40, 40, 1)
    known = {n: c.character for n, c in characters.items() if c.character}
    assert set(known) == {"Anna B.glb", "walker.fbx", "walker.blend", "cone_cm.obj", "cone_json.obj"}
    assert known["Anna B.glb"].name == "anna_b"
    assert known["cone_json.obj"].category == "dog"
    heights = {"Anna B.glb": 1.65, "walker.fbx": 1.86, "walker.blend": 1.86, "cone_cm.obj": 1.7, "cone_json.obj": 0.6}
    for name, height in heights.items():
        job = _job(category=known[name].category, characters=(known[name],))
        subject = draw_subject(job, rng_for(2, name))
        body = body_of(subject, AssetLibrary(job.characters))
        assert body.points[:, 2].min() == pytest.approx(0, abs=1e-4)
        assert body.height == pytest.approx(height, abs=0.06)
        assert np.abs(body.points[:, :2].min(0) + body.points[:, :2].max(0)).max() < 1e-3, "in the middle"
        assert bool(subject.clip) == name.startswith("walker")
    walker = known["walker.fbx"]
    library = AssetLibrary((walker,))
    first, later = (library.mesh(walker.asset_id, f, walker.clips[0].name) for f in (5, 20))
    feet = [np.array([v.co for v in m.vertices]) for m in (first, later)]
    assert np.abs(feet[0] - feet[1]).max() > 0.1, "another frame is another pose"


def test_a_view_of_an_own_character_and_a_changed_file(characters, tmp_path):
    character = characters["Anna B.glb"].character
    render_job(_job(characters=(character,)), tmp_path / "a")
    facts = _facts(tmp_path / "a")
    assert facts["asset_id"] == "user:anna_b"
    assert 0.02 <= facts["fg_ratio"] <= 0.45
    moved = tmp_path / "moved.glb"
    moved.write_bytes(Path(character.path).read_bytes() + b"\0")
    changed = dataclasses.replace(character, path=str(moved))
    assert changed == character, "the path is no part of what a recipe compares"
    with pytest.raises(InputError, match=r"should have the SHA-256 .* put the old file back"):
        render_job(_job(characters=(changed,)), tmp_path / "b")


def _yard() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_plane_add(size=30)
    bpy.context.object.name = "ground"
    bpy.ops.mesh.primitive_cube_add(size=2, location=(-4, 5, 1))
    bpy.ops.object.light_add(type="SUN")
    bpy.ops.object.light_add(type="POINT", location=(2, 0, 3))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Folder of .blend files; one has scripts that would leave a file `ran` behind."""
    folder = tmp_path_factory.mktemp("scenes")
    ran = folder / "ran"
    _yard()
    text = bpy.data.texts.new("hello.py")
    text.write(f"open({str(ran)!r}, 'w').write('text')\n")
    text.use_module = True
    text.filepath = "hello.py"
    curve = bpy.data.objects["ground"].driver_add("location", 0)
    curve.driver.type, curve.driver.expression = "SCRIPTED", f"open({str(ran)!r}, 'w').write('driver') * 0"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "yard.blend"))
    collection = bpy.data.collections.new("Crowd")
    bpy.context.scene.collection.children.link(collection)
    for x in (-0.6, 0.7):
        corners = [(x, 0, 0), (x + 0.4, 0, 0), (x + 0.2, 0.3, 0), (x + 0.2, 0.1, 1.7)]
        person = bpy.data.objects.new("person", bpy.data.meshes.new("person"))
        person.data.from_pydata(corners, [], [(0, 1, 3), (1, 2, 3), (2, 0, 3)])
        collection.objects.link(person)
    bpy.ops.object.camera_add(location=(0.3, -4.5, 1.4), rotation=(1.5, 0, 0.05))
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "people.blend"))
    bpy.data.libraries.write(str(folder / "lib.blend"), {bpy.data.objects["Cube"]})
    _yard()
    with bpy.data.libraries.load(str(folder / "lib.blend"), link=True) as (there, here):
        here.objects = there.objects
    bpy.context.scene.collection.objects.link(here.objects[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "linked.blend"))
    (folder / "lib.blend").unlink()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=2, location=(0, 0, 5))
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "sphere.blend"))
    mesh = bpy.data.objects[0].data
    for _ in range(20_001):
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("one of many", mesh))
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "many.blend"))
    (folder / "cut.blend").write_bytes((folder / "yard.blend").read_bytes()[:60_000])
    ran.unlink(missing_ok=True)
    return folder


def test_scripts_of_a_scene_never_run(scenes, tmp_path):
    ran = scenes / "ran"
    bpy.ops.wm.open_mainfile(filepath=str(scenes / "yard.blend"), use_scripts=True)
    bpy.context.view_layer.update()
    assert ran.is_file(), "the scripts are alive: Blender runs them when it is told to"
    ran.unlink()
    bpy.context.preferences.filepaths.use_scripts_auto_execute = True  # a careless user's setting
    (one,) = check_scenes([scenes / "yard.blend"], "", keep_lights=False)
    assert one.problems == []
    assert any("Python" in remark for remark in one.remarks)
    render_job(_job("yard", user_scene=one.scene), tmp_path)
    assert not ran.exists()
    facts = _facts(tmp_path)
    assert 0.02 <= facts["fg_ratio"] <= 0.45
    assert facts["asset_id"].startswith("human_")


def test_people_and_cameras_of_a_scene_are_used(scenes, tmp_path):
    (one,) = check_scenes([scenes / "people.blend"], "Crowd", keep_lights=True)
    assert (one.problems, one.people, one.cameras) == ([], 2, 1)
    render_job(_job("people", user_scene=one.scene), tmp_path)
    facts = _facts(tmp_path)
    assert sorted(s["asset_id"] for s in facts["subjects"]) == ["scene:person", "scene:person.001"]
    assert facts["camera_xyz"] == pytest.approx([0.3, -4.5, 1.4], abs=1e-3)
    assert set(read_exr(tmp_path / "coverage.exr")) == {"Y", "S1", "S2"}


@pytest.mark.parametrize(
    ("name", "collection", "words"),
    [
        ("linked.blend", "", "links the library"),
        ("sphere.blend", "", "has no level ground to stand on"),
        ("many.blend", "", "objects, more than the 20000 allowed"),
        ("cut.blend", "", "is not a whole .blend file"),
        ("yard.blend", "Heroes", "has no characters in a collection 'Heroes'"),
        ("nowhere.blend", "", "cannot be read"),
    ],
)
def test_scenes_that_cannot_be_used_are_refused_in_one_sentence(scenes, name, collection, words):
    (one,) = check_scenes([scenes / name], collection, keep_lights=False)
    assert one.scene is None
    assert words in one.problems[0]
    assert "\n" not in one.problems[0]


def test_a_scene_that_would_take_all_memory_is_refused_before_it_is_unfolded(tmp_path):
    """Ten collections, each with ten instances of the one before; and pictures whose pixels nobody has room for."""
    _yard()
    inner = bpy.data.collections.new("crowd")
    inner.objects.link(bpy.data.objects["Cube"])
    for level in range(10):
        outer = bpy.data.collections.new(f"crowd {level}")
        for _ in range(10):
            group = bpy.data.objects.new("group", None)
            group.instance_type, group.instance_collection = "COLLECTION", inner
            outer.objects.link(group)
        inner = outer
    bpy.context.scene.collection.children.link(inner)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "crowd.blend"))
    _yard()
    ground = bpy.data.objects["ground"]
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n")
    pictures = [bpy.data.images.load(str(tmp_path / "sky.hdr")), bpy.data.images.new("paint", 64, 64)]
    pictures[1].generated_width = 40_000
    for picture in pictures:
        material = bpy.data.materials.new(picture.name)
        material.use_nodes = True
        material.node_tree.nodes.new("ShaderNodeTexImage").image = picture
        ground.data.materials.append(material)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "wide.blend"))
    started = time.monotonic()
    crowd, wide = check_scenes([tmp_path / "crowd.blend", tmp_path / "wide.blend"], "", keep_lights=False)
    assert time.monotonic() - started < 90
    assert len(crowd.problems) == 1
    assert "shows more than the 50000 objects allowed" in crowd.problems[0]
    sizes = ("paint of 40000x64", "sky.hdr of 30000x30000")
    assert all(f"has the texture {size}" in problem for size, problem in zip(sizes, wide.problems, strict=True))


def test_several_subjects_share_each_pixel_and_do_not_hide_one_another(scenes, tmp_path):
    (one,) = check_scenes([scenes / "yard.blend"], "", keep_lights=False)
    job = _job("yard", view=1, subjects=3, user_scene=one.scene)
    render_job(job, tmp_path)
    facts, shares = _facts(tmp_path), read_exr(tmp_path / "coverage.exr")
    assert len(facts["subjects"]) == 3
    assert set(shares) == {"Y", "S1", "S2", "S3"}
    assert np.array_equal(shares["Y"], shares["S1"] + shares["S2"] + shares["S3"])
    assert shares["Y"].max() <= 1
    assert all(s["hidden_estimate"] <= 0.15 for s in facts["subjects"])
    for number, subject in enumerate(facts["subjects"], 1):
        assert (shares[f"S{number}"] >= 0.5).mean() == pytest.approx(subject["fg_ratio_estimate"], abs=0.03)
        assert subject["asset_id"] in facts["assets"]
    before = (tmp_path / "coverage.exr").read_bytes()
    (tmp_path / "coverage.exr").unlink()  # as if killed: the next process renders the coverage alone
    render_job(job, tmp_path)
    assert (tmp_path / "coverage.exr").read_bytes() == before
