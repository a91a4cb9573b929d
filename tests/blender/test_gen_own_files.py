# SPDX-License-Identifier: Apache-2.0
"""Characters and scenes of the user's own: what is wrong with them, scale, scripts, cameras, subjects. Real Blender."""

import dataclasses
import json
import shutil
import struct
import time
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from view_jobs import view_job

from harmonize_core.errors import InputError
from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender.assets import ASSETS, AssetLibrary
from rdharmony_gen.blender.render_job import render_job
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.subjects import body_of, draw_subject
from rdharmony_gen.run.user_files import check_characters, check_scenes
from rdharmony_gen.sampling.rng import rng_for

PEOPLE = ASSETS / "characters"


def _facts(folder: Path) -> dict:
    return json.loads((folder / "view.json").read_text())


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
        job = view_job(category=known[name].category, characters=(known[name],))
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
    render_job(view_job(characters=(character,)), tmp_path / "a")
    facts = _facts(tmp_path / "a")
    assert facts["asset_id"] == "user:anna_b"
    assert 0.02 <= facts["fg_ratio"] <= 0.45
    moved = tmp_path / "moved.glb"
    moved.write_bytes(Path(character.path).read_bytes() + b"\0")
    changed = dataclasses.replace(character, path=str(moved))
    assert changed == character, "the path is no part of what a recipe compares"
    with pytest.raises(InputError, match=r"should have the SHA-256 .* put the old file back"):
        render_job(view_job(characters=(changed,)), tmp_path / "b")


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
    render_job(view_job("yard", user_scene=one.scene), tmp_path)
    assert not ran.exists()
    facts = _facts(tmp_path)
    assert 0.02 <= facts["fg_ratio"] <= 0.45
    assert facts["asset_id"].startswith("human_")


def test_people_and_cameras_of_a_scene_are_used(scenes, tmp_path):
    (one,) = check_scenes([scenes / "people.blend"], "Crowd", keep_lights=True)
    assert (one.problems, one.people, one.cameras) == ([], 2, 1)
    render_job(view_job("people", user_scene=one.scene), tmp_path)
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
    job = view_job("yard", view=1, subjects=3, user_scene=one.scene)
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
