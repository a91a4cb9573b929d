# SPDX-License-Identifier: Apache-2.0
"""Motion of clips: deterministic, continuous, no faster than drawn; which styles a clip exchanges; refusals."""

import numpy as np
import pytest

from harmonize_core.errors import ConfigError
from rdharmony_gen.sampling.clip_pairs import clip_pairs
from rdharmony_gen.sampling.motion import Motion, Pose, draw_motion
from rdharmony_gen.sampling.plan import plan_job
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.clip import FPS
from rdharmony_gen.spec.dataset import make_spec

MIDDLE = Pose((3.0, -4.0, 1.6), 320.0, -6.0)
SUBJECT = (0.0, 0.5, 0.0)


def drawn(seed: int, frames: int = 49, walk: tuple[float, float] = (0.9, -0.9), attempt: int = 0) -> Motion:
    return draw_motion(rng_for(seed, "motion"), frames, 5.0, walk, attempt)


def poses(motion: Motion) -> list[Pose]:
    return [motion.camera(MIDDLE, SUBJECT, frame) for frame in range(motion.frames)]


@pytest.fixture(params=range(40))
def motion(request) -> Motion:
    return drawn(request.param, walk=(0.9, -0.9) if request.param % 2 else (0.0, 0.0))


def test_the_same_seed_moves_the_same_and_another_does_not():
    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(20)}) == 20
    assert {drawn(seed).kind for seed in range(60)} == {"pan", "dolly", "arc", "track"}


def test_no_step_is_longer_than_the_drawn_speed(motion):
    path = np.array([p.xyz for p in poses(motion)])
    turn = np.array([(p.yaw_deg, p.pitch_deg) for p in poses(motion)])
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1) * FPS
    assert steps.max() <= motion.fastest_m_s(MIDDLE, SUBJECT) + 1e-9
    assert steps.max() > 0
    assert np.abs(np.diff(turn, axis=0)).sum(axis=1).max() * FPS <= motion.fastest_deg_s() + 1e-9


def test_the_camera_is_as_calm_as_a_hand(motion):
    """Jerks from one step to the next stay far below what a picture of 1080 lines would show."""
    path = np.array([p.xyz for p in poses(motion)])
    turn = np.array([(p.yaw_deg, p.pitch_deg) for p in poses(motion)])
    assert np.abs(np.diff(path, n=2, axis=0)).max() < 0.002
    assert np.abs(np.diff(turn, n=2, axis=0)).max() < 0.05


def test_the_subject_walks_straight_and_evenly(motion):
    way = np.array([motion.subject(SUBJECT, frame) for frame in range(motion.frames)])
    assert np.allclose(np.diff(way, axis=0) * FPS, (*motion.walk_m_s, 0.0))
    assert np.allclose(way[motion.middle], SUBJECT)


def test_the_middle_frame_is_the_still_but_for_the_hand(motion):
    middle = motion.camera(MIDDLE, SUBJECT, motion.middle)
    assert np.linalg.norm(np.array(middle.xyz) - MIDDLE.xyz) < 0.03
    assert abs(middle.yaw_deg - MIDDLE.yaw_deg) < 0.6


def test_each_kind_does_what_it_is_called():
    def distance(motion: Motion, frame: int) -> float:
        away = np.array(motion.camera(MIDDLE, SUBJECT, frame).xyz) - motion.subject(SUBJECT, frame)
        return float(np.hypot(*away[:2]))

    found = {m.kind: m for m in (drawn(seed) for seed in range(60))}
    still = {m.kind: m for m in (drawn(seed, walk=(0.0, 0.0)) for seed in range(60))}
    assert "track" not in still, "nobody to go along with"
    for kind in ("arc", "track"):
        start, end = (distance(found[kind], frame) for frame in (0, found[kind].frames - 1))
        assert abs(start - end) < 0.6, f"{kind} keeps its distance from who walks"
    moved = {k: np.linalg.norm(np.subtract(poses(m)[0].xyz, poses(m)[-1].xyz)) for k, m in still.items()}
    turned = {k: abs(poses(m)[0].yaw_deg - poses(m)[-1].yaw_deg) for k, m in still.items()}
    assert moved["pan"] < 0.25 < turned["pan"]
    assert moved["dolly"] > moved["pan"]
    assert turned["arc"] > 4


def test_rejected_motions_become_calmer():
    fast = np.mean([drawn(s).fastest_deg_s() for s in range(50)])
    slow = np.mean([drawn(s, attempt=5).fastest_deg_s() for s in range(50)])
    assert slow < 0.8 * fast


@pytest.mark.parametrize(
    ("count", "styles", "wanted", "of"), [(6, 10, 6, 3), (2, 10, 2, 2), (7, 10, 7, 4), (90, 3, 6, 3)]
)
def test_pairs_are_of_few_styles_and_use_each(count, styles, wanted, of):
    seen = set()
    for view in range(30):
        pairs = clip_pairs(7, f"SHuman/park_00_v{view:03d}", range(1, styles + 1), count)
        assert len(set(pairs)) == len(pairs) == wanted
        assert all(a != b for a, b in pairs)
        used = {s for pair in pairs for s in pair}
        assert len(used) == of
        assert used == {a for a, _ in pairs} | {b for _, b in pairs}
        seen |= used
    assert seen == set(range(1, styles + 1)), "over many views every style occurs"


def test_a_job_renders_only_the_styles_that_its_pairs_need():
    spec = make_spec(clip=24, clip_pairs=2, scenes=("park",), views=1, test_scenes=())
    job = plan_job(spec, "human", 0)
    assert job.clip is not None
    assert {c.style_id for c in job.conditions} == {s for pair in job.clip.pairs for s in pair}
    still = plan_job(make_spec(scenes=("park",), views=1, test_scenes=()), "human", 0)
    assert {c.style_id: c for c in still.conditions}.items() >= {c.style_id: c for c in job.conditions}.items()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "png"}, "--format png"),
        ({"strategy": "fresh"}, "--strategy fresh"),
        ({"layout": "iharmony4"}, "--layout iharmony4"),
        ({"renderer": "eevee"}, "--renderer eevee"),
        ({"subjects": 2}, "--subjects 2"),
        ({"clip": 1}, "between 2 and 200 but is 1"),
        ({"clip": 201}, "between 2 and 200 but is 201"),
        ({"clip": 0, "layout": "hyoutube"}, "add --clip"),
        ({"clip_pairs": 0}, "--clip-pairs"),
    ],
)
def test_what_clips_do_not_have_is_refused_in_one_sentence(options, words):
    with pytest.raises(ConfigError, match=words) as refusal:
        make_spec(**{"clip": 24} | options)
    assert "\n" not in str(refusal.value)
