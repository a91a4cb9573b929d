# SPDX-License-Identifier: Apache-2.0
"""Rendering a job: files, coverage, placement, resuming to the same bytes, refusals. Real Blender, tiny pictures."""

import dataclasses
import functools
import json

import bpy
import numpy as np
import pytest

from harmonize_core.errors import OutputError, UnknownName
from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender import render_job as render_job_module
from rdharmony_gen.blender.placement import PlacementError
from rdharmony_gen.blender.render_job import render_job
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.job import RenderJob


def _job(scene="park", category="human", view=0, styles=(1, 4, 10), size=40, samples=2, variation=0):
    conditions = tuple(c for c in sample_conditions(7, scene, variation, view) if c.style_id in styles)
    scene_id = f"{scene}_{variation:02d}_v{view:03d}"
    return RenderJob(f"S/{scene_id}", category, scene, scene_id, variation, view, 7, size, size, samples, conditions)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Renders of a job, made once: the folder, and the files in their order."""

    @functools.cache
    def once(scene, category):
        folder, seen = tmp_path_factory.mktemp("job"), []
        render_job(_job(scene, category), folder, seen.append)
        return folder, seen

    return once


@pytest.mark.parametrize(
    ("scene", "category"), [("park", "human"), ("city_corner", "car"), ("room", "chair"), ("room", "apple")]
)
def test_a_job_makes_pictures_and_a_subject_of_useful_size(rendered, scene, category):
    folder, seen = rendered(scene, category)
    pictures = ["sunrise_sunset_clear.exr", "noon_clear.exr", "night.exr"]
    assert seen == [*pictures, "aux.exr", "coverage.exr", "view.json"]
    assert sorted(p.name for p in folder.iterdir()) == sorted(seen)
    coverage = read_exr(folder / "coverage.exr")
    assert set(coverage) == {"Y"}
    soft = coverage["Y"]
    assert soft.shape == (40, 40)
    assert soft.min() == 0
    assert soft.max() == 1
    assert ((soft > 0) & (soft < 1)).any(), "the edge should be soft"
    facts = json.loads((folder / "view.json").read_text())
    assert 0.02 <= facts["fg_ratio"] <= 0.45
    assert 24 <= facts["focal_mm"] <= 85
    assert facts["asset_id"] in facts["assets"]
    day, night = (read_exr(folder / f"{name}.exr") for name in ("noon_clear", "night"))
    assert set(day) == {"R", "G", "B"}
    for picture in (day, night):
        values = np.stack([picture[c] for c in "RGB"])
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.mean() > 1e-4
    assert day["G"].mean() > 3 * night["G"].mean() or scene == "room"


@pytest.mark.parametrize(("scene", "category"), [("park", "human"), ("city_corner", "car"), ("room", "chair")])
def test_a_job_that_was_cut_off_goes_on_to_the_same_bytes_whichever_style_is_first(tmp_path, rendered, scene, category):
    """It may go on with the lamps lit in its first picture: its later pictures must not notice."""
    whole = {p.name: p.read_bytes() for p in rendered(scene, category)[0].iterdir()}
    (tmp_path / "sunrise_sunset_clear.exr").write_bytes(whole["sunrise_sunset_clear.exr"])
    (tmp_path / "night.exr").write_bytes(whole["night.exr"][:200])  # a damaged file is rendered again
    job = _job(scene, category)
    backwards = dataclasses.replace(job, conditions=job.conditions[::-1])
    seen = []
    render_job(backwards, tmp_path, seen.append)
    assert seen == ["night.exr", "noon_clear.exr", "aux.exr", "coverage.exr", "view.json"]
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == whole
    seen.clear()
    render_job(job, tmp_path, seen.append)
    assert seen == []


def test_no_render_of_a_room_is_guided(tmp_path, monkeypatch):
    """Guided paths learn after as many samples as Cycles managed in some tenths of a second: other bytes under load."""
    build, seen = render_job_module.build_view, []

    def build_and_watch(*args):
        built = build(*args)
        bpy.app.handlers.render_pre.append(lambda scene, _: seen.append(scene.cycles.use_guiding))
        return built

    monkeypatch.setattr(render_job_module, "build_view", build_and_watch)
    try:
        render_job(_job("room", "chair", styles=(10,), size=24), tmp_path)
    finally:
        bpy.app.handlers.render_pre.clear()
    assert len(seen) > 1
    assert not any(seen)


def test_unknown_scene_and_category_are_named(tmp_path):
    job = _job()
    with pytest.raises(UnknownName, match=r"no scene is named 'parc'; did you mean 'park'\?"):
        render_job(dataclasses.replace(job, scene="parc"), tmp_path / "a")
    with pytest.raises(UnknownName, match=r"no category is named 'dragon'"):
        render_job(dataclasses.replace(job, category="dragon"), tmp_path / "b")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be made"):
        render_job(_job(), tmp_path / "file" / "out")


def test_a_car_is_refused_in_a_room_with_a_hint(tmp_path):
    with pytest.raises(PlacementError, match="no place for a car; choose another scene"):
        render_job(_job("room", "car"), tmp_path)


def test_a_view_whose_foreground_turns_out_too_large_is_drawn_again_to_the_same_bytes(tmp_path, monkeypatch):
    job = _job(styles=(4,), size=24)
    render_job(job, tmp_path / "first")
    first = json.loads((tmp_path / "first" / "view.json").read_text())
    monkeypatch.setattr("rdharmony_gen.blender.render_job.FG_RATIO", (0.0, first["fg_ratio"] - 1e-4))
    seen = []
    render_job(job, tmp_path / "whole", seen.append)
    facts = json.loads((tmp_path / "whole" / "view.json").read_text())
    assert facts["redraws"] > 0
    assert seen.count("noon_clear.exr") == facts["redraws"] + 1
    assert facts["rejects"]["rendered foreground too small or too large"] == facts["redraws"]
    assert facts["fg_ratio"] < first["fg_ratio"]
    whole = {p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()}
    for name in ("view.json", "noon_clear.exr"):  # killed, in the second try
        (tmp_path / "whole" / name).unlink()
    render_job(job, tmp_path / "whole")
    assert {p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()} == whole
