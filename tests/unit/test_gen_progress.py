# SPDX-License-Identifier: Apache-2.0
"""What a run says of itself: how far it is, how long it will take, what it will cost before it begins."""

from pathlib import Path

import pytest

from rdharmony_gen.run.forecast import forecast, picture_cpu_s
from rdharmony_gen.run.jobs import Remaining
from rdharmony_gen.run.progress import Count
from rdharmony_gen.run.user_files import Checked, usable
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.dataset import make_spec
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.scenes import SCENES


def _spec(**changes):
    options = {"views": 2, "categories": ("human",), "scenes": tuple(SCENES), "size": "512x512", "seed": 7}
    return make_spec(**{**options, **changes})


def test_the_bar_counts_pictures_and_tells_the_time_left_from_the_first_view_on(tmp_path):
    now = [0.0]
    count = Count(Remaining([tmp_path] * 3, render=6, compose=3, unrendered=[]), clock=lambda: now[0])
    step = count.take({"event": "stage", "job": "a", "name": "suns"})
    assert (step.done, step.left_s, step.words()) == (0, None, "0/3 views, suns (a)")
    now[0] = 60.0
    for name in ("noon.exr", "night.exr", "aux.exr", "coverage.exr", "view.json", "night.exr"):
        step = count.take({"event": "file", "job": "a", "name": name})
        assert step.left_s is None
    assert step.done == 2, "each picture once, nothing else"
    step = count.take({"event": "done", "path": "a.json"})
    assert (step.views, step.left_s) == (1, 120.0)
    now[0] = 100.0
    assert count.take({"event": "stage", "job": "b", "name": "suns"}).left_s == 80.0, "it falls while a view renders"


def test_a_run_that_only_composes_counts_views(tmp_path):
    count = Count(Remaining([tmp_path] * 3, render=0, compose=3, unrendered=[]))
    assert count.take({"event": "done", "path": "a.json"}).done == 1
    assert count.total == 3


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({"size": "96x96", "samples": 6}, 0.79),
        ({"size": "96x96"}, 0.99),
        ({"size": "96x96", "samples": 48}, 2.16),
        ({"size": "512x512"}, 13.8),
        ({"size": "96x96", "strategy": "fresh", "samples": 8}, 3.55),
        ({"size": "96x96", "strategy": "fresh"}, 5.42),
        ({"size": "512x512", "scenes": ("gym", "bar")}, 27.2),
        ({"size": "512x512", "scenes": ("park", "plaza")}, 10.2),
    ],
)
def test_a_picture_is_told_to_cost_what_was_measured(changes, measured):
    assert picture_cpu_s(_spec(**changes)) == pytest.approx(measured, rel=0.2)


def test_what_is_done_is_not_announced_again(tmp_path):
    layout, spec = SetLayout(tmp_path), _spec()
    jobs = [job_id for _, _, job_id in job_ids(spec)]
    whole = forecast(layout, spec, jobs, keep_renders=False)
    assert (whole.views, whole.pictures) == (2, 20)
    record = layout.view_record(jobs[0])
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    half = forecast(layout, spec, jobs, keep_renders=False)
    assert (half.views, half.pictures, 2 * half.room) == (1, 10, whole.room)
    assert forecast(layout, spec, jobs, keep_renders=True).room > half.room
    assert forecast(layout, _spec(clip=4, clip_pairs=2), jobs, keep_renders=False).pictures == 2 * 4


def test_a_character_that_cannot_be_used_is_said_to_be_left_out(capsys):
    good, bad = Checked(Path("ann.glb"), remarks=["is small"]), Checked(Path("cut.glb"), problems=["is cut"])
    assert usable([bad, good], "characters") == [good]
    assert capsys.readouterr().err == "cut.glb is cut, so it is left out\nann.glb is small\n"
