# SPDX-License-Identifier: Apache-2.0
"""Subjects: clothes, poses, who is seen when, where they find a place, what hides them. Real Blender."""

import dataclasses
import itertools
from collections import Counter
from pathlib import Path

import bpy
import numpy as np
import pytest
from view_jobs import view_job

from rdharmony_gen.blender import clothes
from rdharmony_gen.blender.assets import ASSETS, AssetLibrary
from rdharmony_gen.blender.coverage import coverage
from rdharmony_gen.blender.lighting import light_lamps
from rdharmony_gen.blender.people import PEOPLE as WHO
from rdharmony_gen.blender.people import POSES
from rdharmony_gen.blender.placement import PlacementError, find_view
from rdharmony_gen.blender.render_job import aim
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Patch, Place, Stage
from rdharmony_gen.blender.subjects import Subject, draw_subject, put_subject
from rdharmony_gen.light.shared import shared_light
from rdharmony_gen.sampling.motion import Triple
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.user_files import UserCharacter

PEOPLE = ASSETS / "characters"


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
    drawn = _subjects(view_job(), 900)
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
        job = dataclasses.replace(view_job(category=category), seed=seed)
        shown = [s.asset_id for s in _subjects(job, 2 * count)]
        assert len(set(shown[:count])) == count
        assert max(Counter(shown).values()) <= 2
        assert all(one != following for one, following in itertools.pairwise(shown))
    assert len({WHO[s.asset_id].face for s in _subjects(dataclasses.replace(view_job(), seed=seed), 6)}) >= 5
    cars = _subjects(dataclasses.replace(view_job(category="car"), seed=seed), 8)
    assert len({s.paint for s in cars}) == 8
    pairs = dataclasses.replace(view_job(), seed=seed, subjects=2)
    for first in (0, 6):
        shown = []
        for view in range(first, first + 6):
            job, rng = dataclasses.replace(pairs, view=view), rng_for(seed, "pair", view)
            shown += [one := draw_subject(job, rng), draw_subject(job, rng, beside=[one])]
        assert len({s.asset_id for s in shown}) >= 10


def test_a_view_that_is_tried_again_shows_somebody_else():
    reset(40, 40, 1)
    job = view_job(category="dog")
    assert len({draw_subject(job, rng_for(1, "again"), redraw=k).asset_id for k in range(4)}) == 4


def test_nobody_of_a_view_is_another_of_it():
    reset(40, 40, 1)
    for category, count in (("human", 4), ("car", 3)):
        for view in range(60):
            job = view_job(category=category, view=view, subjects=count, styles=())
            rng, group = rng_for(view, "group", category), []
            while len(group) < count:
                group.append(draw_subject(job, rng, beside=group))
            assert len({s.asset_id for s in group}) == count
    own = [UserCharacter(f"p{k}", str(k), (), f"/nowhere/p{k}.glb") for k in range(2)]
    job = view_job(characters=tuple(own))
    first = draw_subject(job, rng_for(1, "own"))
    assert draw_subject(job, rng_for(1, "second"), beside=[first]).asset_id != first.asset_id


def test_people_are_dressed_for_the_place_and_nobody_lies_in_snow():
    reset(40, 40, 1)
    wears, light = {}, {}
    for scene in ("snow_village", "beach", "park"):
        drawn = _subjects(view_job(scene), 400)
        wears[scene] = {w: sum(WHO[s.asset_id].wear == w for s in drawn) / 400 for w in ("coat", "light")}
        light[scene] = np.median([c.brightness for s in drawn for c in s.clothes])
        assert any(s.pose == "lying" for s in drawn) != (scene == "snow_village")
    assert wears["snow_village"]["coat"] > 2 * wears["park"]["coat"] > 4 * wears["beach"]["coat"]
    assert wears["beach"]["light"] > 1.5 * wears["park"]["light"] > 5 * wears["snow_village"]["light"]
    assert light["snow_village"] < light["park"] < light["beach"]


def test_people_lie_on_grass_only_and_where_there_is_none_another_pose_is_taken():
    lying = next(k for k, s in enumerate(_subjects(view_job(), 99)) if s.pose == "lying")
    job = view_job(view=lying)
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
    assert find_view(stage, place, view_job(), stage.library).subjects[0].asset_id == "human_male_03_standing"


def test_a_knife_is_found_a_place_at_once():
    reset(40, 40, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    stage.box("table", (-0.8, -0.5, 0), (0.8, 0.5, 0.75), bpy.data.materials.new("wood"))
    stage.floor("floor", -9, -9, 9, 9, bpy.data.materials.new("tiles"))
    place = Place((), (), (Patch(-0.8, -0.5, 0.8, 0.5, 0.75),), ((-5.0, -5.0, 0.5), (5.0, 5.0, 3.0)))
    views = [find_view(stage, place, view_job(category="knife", view=k), stage.library) for k in range(4)]
    assert np.mean([sum(n for _, n in v.rejects) for v in views]) < 40
    assert all(0.022 <= v.fg_ratio_estimate <= 0.43 for v in views)


def test_a_seed_without_a_view_is_followed_by_the_next_and_the_reasons_are_kept():
    """People stand between pillars, most of them hidden: some seeds find no view."""
    views = []
    for _ in range(2):
        reset(40, 40, 1)
        stage, place = _pillars(count=40)
        views.append(find_view(stage, place, view_job(view=4), stage.library))
    assert views[0].redraws > 0
    assert views[0] == views[1]
    assert sum(count for _, count in views[0].rejects) >= 400 * views[0].redraws


def test_a_place_that_shows_nobody_is_named_with_the_reasons():
    reset(40, 40, 1)
    stage, place = _pillars(count=40)
    full = dataclasses.replace(place, stand=(Patch(1.55, -0.05, 1.65, 0.05),))
    with pytest.raises(PlacementError, match=r"after 6 seeds: no free ground \(2400x\)"):
        find_view(stage, full, view_job(), stage.library)


def _pillars(count: int) -> tuple[Stage, Place]:
    stage = Stage(7, "park", 0, AssetLibrary())
    grey = bpy.data.materials.new("grey")
    stage.floor("floor", -30, -30, 30, 30, grey)
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        x, y = 1.6 * np.sin(angle), 1.6 * np.cos(angle)
        stage.box("pillar", (x - 0.09, y - 0.09, 0), (x + 0.09, y + 0.09, 3), grey)
    room = ((-20.0, -20.0, 0.5), (20.0, 20.0, 3.0))
    return stage, Place((Patch(-0.4, -0.4, 0.4, 0.4),), (), (), room)


def _look(scene: bpy.types.Scene, xyz: Triple, yaw_deg: float = 0.0, pitch_deg: float = 0.0, focal_mm: float = 50.0):
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.data.lens = focal_mm
    aim(scene.camera, xyz, yaw_deg, pitch_deg)
    scene.collection.objects.link(scene.camera)


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
    found = find_view(stage, place, view_job(view=view), stage.library)
    _look(scene, found.camera_xyz, found.camera_yaw_deg, found.camera_pitch_deg, found.focal_mm)
    assert _free_share(scene, put_subject(stage, found.subjects[0]), "pillar", tmp_path / "c.exr") > 0.8


def test_what_stands_before_a_subject_is_cut_out_of_its_coverage(tmp_path):
    """A board before the left half, seen against the sky and so nothing but a hole in the subject."""
    scene = reset(32, 32, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    grey = bpy.data.materials.new("grey")
    subject = stage.box("subject", (-1, 0, -1), (1, 0.1, 1), grey)
    stage.box("board", (-3, -1, -3), (0, -0.9, 3), grey)
    _look(scene, (0.0, -6.0, 0.0))
    share = coverage(scene, [[subject]], tmp_path / "c.exr")["Y"]
    assert share[:, :15].max() == 0
    assert share[13:19, 18:21].min() == 1
    assert _free_share(scene, [subject], "board", tmp_path / "c.exr") == pytest.approx(0.5, abs=0.03)


def test_a_lamp_at_half_its_level_gives_a_quarter_of_its_light_with_either_strategy():
    reset(32, 32, 1)
    stage = Stage(7, "park", 0, AssetLibrary())
    stage.put("lamp_02_classic", 0, 0)
    (full,) = (dataclasses.replace(c, lamps=0.8) for c in view_job(styles=(10,)).conditions)
    half, power = dataclasses.replace(full, lamps=0.4), {}
    for condition in (full, half):
        light_lamps(stage, condition)
        power[condition.lamps] = stage.lamps[0][0].data.energy
    assert power[0.4] == pytest.approx(power[0.8] / 4)
    assert shared_light((full, half)).lamps_of(half) == (0, pytest.approx(1 / 4))
