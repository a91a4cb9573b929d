# SPDX-License-Identifier: Apache-2.0
"""Where shots begin: at cuts, and not where the camera whips, a lamp goes on, a flash fires or a fade runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import read_image, resize_area
from harmonize_core.infer.shots import cuts, given, thumbnail

PHOTOS = Path("harmonize_core/photos")
NO_MASK = np.zeros((108, 192), np.float32)


@pytest.fixture(scope="module")
def scenes(request) -> list[np.ndarray]:
    """Photographs large enough to move a camera over: (216, 384, 3) sRGB."""
    root = request.config.rootpath / PHOTOS
    names = ("sklearn_china", "gc_cat_parthenon", "gc_cat_uscapitol")
    return [resize_area(read_image(root / f"{name}.jpg"), (216, 384)) for name in names]


def pan(scene: np.ndarray, count: int, speed: float, start: int = 0) -> list[np.ndarray]:
    """A window of 108x192 that runs over a scene and comes back."""
    found = []
    for i in range(count):
        left = int(start + speed * i) % 384
        left = min(left, 384 - left)
        top = int(start + 0.3 * speed * i) % 200
        top = min(top, 200 - top)
        found.append(scene[top : top + 108, left : left + 192])
    return found


def lit(frames: list[np.ndarray], stops: np.ndarray) -> list[np.ndarray]:
    """Frames under more or less light, in linear light."""
    return [
        np.clip(linear_to_srgb(srgb_to_linear(frame) * np.float32(2.0**s)), 0, 1)
        for frame, s in zip(frames, stops, strict=True)
    ]


def found_in(frames: list[np.ndarray]) -> tuple[int, ...]:
    rng = np.random.default_rng(1)
    noisy = [np.clip(f + rng.normal(0, 0.01, f.shape), 0, 1).astype(np.float32) for f in frames]
    return cuts([thumbnail(frame, NO_MASK) for frame in noisy])


def test_cuts_are_found_at_their_frame(scenes):
    a, b, c = scenes
    clip = [*pan(a, 9, 2), *pan(b, 7, 5, 20), *pan(c, 2, 0), *pan(a, 8, 3, 40)]
    assert found_in(clip) == (0, 9, 16, 18)


@pytest.mark.parametrize("speed", [0, 12, 45])
def test_a_camera_that_moves_is_no_cut(scenes, speed):
    for scene in scenes:
        assert found_in(pan(scene, 14, speed)) == (0,)


def test_a_light_that_is_switched_on_and_a_flash_are_no_cuts(scenes):
    for scene in scenes:
        frames = pan(scene, 16, 3)
        assert found_in(lit(frames, np.where(np.arange(16) < 8, -2.0, 0.0))) == (0,)
        assert found_in(lit(frames, np.where(np.arange(16) == 8, 3.0, 0.0))) == (0,)
        assert found_in(lit(frames, np.where(np.isin(np.arange(16), (8, 9)), 4.0, 0.0))) == (0,)


def test_a_lamp_from_one_side_is_no_cut(scenes):
    ramp = np.linspace(0.1, 1.5, 192, dtype=np.float32)[None, :, None] * np.float32([1.0, 0.8, 0.5])
    frames = pan(scenes[0], 16, 2)
    frames[8:] = [np.clip(linear_to_srgb(srgb_to_linear(f) * ramp), 0, 1) for f in frames[8:]]
    assert found_in(frames) == (0,)


def test_fades_are_slow_changes_and_what_follows_black_is_another_shot(scenes):
    a, b, _ = scenes
    down = np.linspace(0, -12, 10)
    assert found_in([*lit(pan(a, 10, 2), down[::-1]), *pan(a, 6, 2, 20)]) == (0,)
    through = found_in([*pan(a, 6, 2), *lit(pan(a, 10, 2), down), *lit(pan(b, 10, 2), down[::-1]), *pan(b, 6, 2, 20)])
    assert len(through) == 2
    assert 10 < through[1] < 22
    share = np.linspace(0, 1, 16, dtype=np.float32)
    over = [(1 - s) * x + s * y for s, x, y in zip(share, pan(a, 16, 1), pan(b, 16, 1), strict=True)]
    assert found_in([*pan(a, 5, 1), *over, *pan(b, 5, 1)]) == (0,)


def test_what_the_foreground_does_does_not_count(scenes, request):
    mask = NO_MASK.copy()
    mask[:88] = 1
    frames = [f.copy() for f in pan(scenes[0], 12, 1)]
    for i, frame in enumerate(frames):
        frame[mask > 0] = scenes[1 + i // 6][:108, :192][mask > 0]
    assert cuts([thumbnail(frame, mask) for frame in frames]) == (0,)
    assert cuts([thumbnail(frame, NO_MASK) for frame in frames]) == (0, 6)


def test_shots_can_be_given_by_the_numbers_of_their_frames(tmp_path):
    numbers = list(range(1001, 1101))
    assert given("1001,1049, 1090", numbers) == (0, 48, 89)
    assert given("1049", numbers) == (0, 48)
    (tmp_path / "cuts.txt").write_text("1001 # the street\n1049,1060\n")
    assert given(str(tmp_path / "cuts.txt"), numbers) == (0, 48, 59)
    with pytest.raises(ConfigError, match="names frame 2000, but the frames are 1001 to 1100"):
        given("1001,2000", numbers)
    (tmp_path / "bad.txt").write_text("1001 later\n")
    with pytest.raises(ConfigError, match="says later"):
        given(str(tmp_path / "bad.txt"), numbers)
