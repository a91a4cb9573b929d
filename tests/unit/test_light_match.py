# SPDX-License-Identifier: Apache-2.0
"""Gains of lights: known ones are found again, whatever a network that knows the truth is asked about."""

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb
from harmonize_core.errors import InputError
from harmonize_core.runtime import ColorTransform, Look, MaskEmpty
from harmonize_core.runtime.light_match import LitFrame, Tone, exposure_and_tint, gain_of, match_lights

TRUE = np.array([[1.6, 1.1, 0.5], [0.3, 0.5, 0.9]])


class Knows:
    """A network that wants exactly the relit character: it looks like what it is told."""

    def __init__(self, wanted):
        self.wanted = wanted

    def __call__(self, composite, mask):
        return self

    def apply(self, rgb_srgb, ceiling=1.0):
        return self.wanted


def _frame(rng, size=(24, 32), lights=2, rest=0.02, empty=False):
    alpha = np.zeros(size, np.float32)
    if not empty:
        alpha[4:20, 6:26] = 1
        alpha[3, 6:26] = 0.4
    normal = rng.uniform(0, 1, (lights, *size, 1))
    albedo = rng.uniform(0.1, 0.6, (*size, 3))
    lit = (alpha[..., None] * albedo * normal**2).astype(np.float32)
    return LitFrame(
        lit, (rest * alpha[..., None] * albedo).astype(np.float32), alpha, rng.random((*size, 3), np.float32)
    )


def _under(frame, gains, tone=None):
    light = np.einsum("gc,ghwc->hwc", gains, frame.lit) + frame.rest
    light = light / np.maximum(frame.alpha[..., None], 1e-6)
    return linear_to_srgb(np.minimum(light, 1) if tone is None else tone.shown(light))


def test_known_gains_are_found():
    frame = _frame(np.random.default_rng(1))
    match = match_lights([frame], Knows(_under(frame, TRUE)))
    assert np.allclose(match.gains, TRUE, rtol=0.06)
    assert match.after < 0.1 * match.before
    assert np.array_equal(match.of_frames, match.gains[None])


def test_known_gains_are_found_through_a_view_transform():
    scene = 2.0 ** np.linspace(-14, 10, 200)
    tone = Tone.of(scene, scene / (scene + 0.6))
    frame = _frame(np.random.default_rng(2))
    match = match_lights([frame], Knows(_under(frame, TRUE, tone)), tone=tone)
    assert np.allclose(match.gains, TRUE, rtol=0.06)


def test_one_light_takes_all_of_a_change():
    frame = _frame(np.random.default_rng(3), lights=1, rest=0.0)
    match = match_lights([frame], Knows(_under(frame, TRUE[:1])))
    assert np.allclose(match.gains, TRUE[:1], rtol=0.02)


def test_lights_that_cannot_be_told_apart_change_alike():
    frame = _frame(np.random.default_rng(4), rest=0.0)
    same = LitFrame(np.stack([frame.lit[0], frame.lit[0]]), frame.rest, frame.alpha, frame.plate)
    gains = match_lights([same], Knows(_under(same, np.full((2, 3), 0.7)))).gains
    assert np.allclose(gains, 0.7, rtol=1e-3)


def test_a_network_that_is_content_leaves_the_lights_alone():
    frame = _frame(np.random.default_rng(5))
    match = match_lights([frame], lambda *_: Look.identity())
    assert np.allclose(match.gains, 1, atol=0.02)
    assert match.before == pytest.approx(0, abs=1e-4)


def test_old_colour_transforms_serve_too():
    frame = _frame(np.random.default_rng(6))
    darker = ColorTransform((np.eye(3, 4, dtype=np.float32) * 0.8)[None, None])
    assert (match_lights([frame], lambda *_: darker).gains < 1).all()


def test_frames_have_gains_of_their_own_smoothed_within_shots():
    rng = np.random.default_rng(7)
    frames = [_frame(rng), _frame(rng, empty=True), _frame(rng), _frame(rng)]
    wanted = [TRUE, TRUE, TRUE, 0.5 * TRUE]
    pictures = {id(f.alpha): _under(f, g) for f, g in zip(frames, wanted, strict=True)}

    def estimate(composite, mask):
        return Knows(pictures[id(mask)])

    match = match_lights(frames, estimate, shots=(0, 3))
    assert match.of_frames.shape == (4, 2, 3)
    assert np.allclose(match.of_frames[3], 0.5 * TRUE, rtol=0.1)
    assert np.allclose(match.of_frames[0], TRUE, rtol=0.3)
    assert ((0.5 * TRUE < match.gains) & (match.gains < TRUE)).all()


def test_what_cannot_be_matched_is_refused():
    rng = np.random.default_rng(8)
    with pytest.raises(MaskEmpty, match="in none of the frames"):
        match_lights([_frame(rng, empty=True)], Knows(None))
    frame = _frame(rng)
    dark = LitFrame(np.zeros_like(frame.lit), frame.rest, frame.alpha, frame.plate)
    with pytest.raises(InputError, match="add a light or a world"):
        match_lights([dark], Knows(None))
    with pytest.raises(InputError, match="all greys alike"):
        Tone.of(np.linspace(0.1, 1, 5), np.full(5, 0.5))


@pytest.mark.parametrize("gain", [(1.0, 1.0, 1.0), (3.0, 2.0, 0.5), (0.1, 0.2, 0.4)])
def test_exposure_and_tint_are_a_gain_in_other_words(gain):
    exposure, tint = exposure_and_tint(np.array(gain))
    assert max(tint) == pytest.approx(1)
    assert np.allclose(gain_of(exposure, tint), gain)
    assert np.allclose(gain_of(exposure, [0.5 * t for t in tint]), gain)


def test_tones_end_where_the_view_transform_clips():
    scene = np.array([0.1, 0.5, 1.0, 2.0, 4.0])
    tone = Tone.of(scene, np.minimum(scene, 1))
    light = np.array([0.0, 0.05, 0.3, 3.0])
    assert np.allclose(tone.shown(light), [0, 0.05, 0.3, 1], atol=1e-6)
    assert np.allclose(tone.seen(tone.shown(light[:3])), light[:3], atol=1e-6)
