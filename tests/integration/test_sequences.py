# SPDX-License-Identifier: Apache-2.0
"""`harmonize predict` on frames: steady, in order, with the background as it was."""

from __future__ import annotations

import numpy as np
import pytest
from filming import BOX, HEIGHT, WIDTH, Flickering, brightness, frames_of, run, shoot, the_mask
from PIL import Image

from harmonize_core.formats.images import read_image
from harmonize_core.infer.controls import Controlled
from harmonize_core.infer.files import Reading
from harmonize_core.infer.look_files import load_looks
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.sequence import harmonize_sequence
from harmonize_core.infer.sequence_frames import find_footage, numbers_of, times_of
from harmonize_core.infer.sequence_plan import Steady
from harmonize_core.runtime import Look, LookHarmonizer, ModelInfo


def test_frames_are_steady_the_light_may_change_and_the_background_stays(tmp_path):
    stops = [0.3 + 0.5 * (i >= 9) + 0.08 * (-1) ** i for i in range(18)]
    network = Flickering(stops)
    frames = frames_of(18)
    shoot(tmp_path / "dark", frames)
    unseen = find_footage([tmp_path / "dark" / "shot.%04d.png"], tmp_path / "mask.png", Reading())
    done = harmonize_sequence(network.controlled(), unseen, tmp_path / "calm", Steady("smooth", 3.0))
    assert [shot.steps for shot in done.shots] == [()]  # nothing in the pictures says so
    for frame in frames[9:]:
        frame[BOX] = (120, 160, 80)
    shoot(tmp_path / "in", frames)
    network.asked = 0
    footage = find_footage([tmp_path / "in" / "shot.%04d.png"], tmp_path / "mask.png", Reading())
    raw = harmonize_sequence(network.controlled(), footage, tmp_path / "off", Steady("off"))
    network.asked = 0
    done = harmonize_sequence(network.controlled(), footage, tmp_path / "out", Steady("smooth", 3.0))
    assert (raw.written, done.written, done.kept, done.empty) == (18, 18, 0, 0)
    assert [shot.steps for shot in done.shots] == [(10,)]
    before, after = ([brightness(p) for p in sorted((tmp_path / f).glob("*.png"))] for f in ("off", "out"))
    inside = [i for i in range(17) if i != 8]
    assert np.abs(np.diff(after))[inside].max() < 0.15 * np.abs(np.diff(before))[inside].mean()
    assert np.diff(after)[8] > 0.8 * (np.mean(before[9:]) - np.mean(before[:9]))
    for path in (tmp_path / "out").glob("*.png"):
        source, result = (np.asarray(Image.open(p)).copy() for p in (tmp_path / "in" / path.name, path))
        assert (result[BOX] != source[BOX]).any()
        source[BOX] = result[BOX] = 0
        np.testing.assert_array_equal(source, result)


def test_nothing_is_smoothed_over_a_cut_and_lock_has_one_look_for_each_shot(tmp_path):
    network = Flickering([0.05 * (-1) ** i + (0.8 if i >= 8 else 0.0) for i in range(16)])
    shoot(tmp_path / "in", [*frames_of(8), *frames_of(8, seed=1)])
    footage = find_footage([tmp_path / "in"], tmp_path / "mask.png", Reading())
    done = harmonize_sequence(network.controlled(), footage, tmp_path / "out", Steady("lock"), keep_looks=True)
    assert [(shot.first, shot.last) for shot in done.shots] == [(1, 8), (9, 16)]
    exposures = [look.grade[0] for look in done.looks.looks]
    assert len(set(exposures[:8])) == len(set(exposures[8:])) == 1
    assert exposures[0] == pytest.approx(0.0, abs=0.02)
    assert exposures[8] == pytest.approx(0.8, abs=0.02)
    given = harmonize_sequence(network.controlled(), footage, tmp_path / "out", Steady("lock", shots="1,5,9"))
    assert [shot.first for shot in given.shots] == [1, 5, 9]


def test_frames_come_by_their_numbers_however_they_are_written(tmp_path, capsys):
    numbers = [2, 7, 10, 11, 100]
    frames = frames_of(5)
    for i, frame in enumerate(frames):
        frame[BOX] = 40 * (i + 1)
    shoot(tmp_path / "in", frames, numbers, "my shot_{}.png")
    shoot(tmp_path / "masks", [the_mask()] * 7, [2, 3, 7, 10, 11, 12, 100], "roto.{:04d}.png")
    assert numbers_of(find_footage([tmp_path / "in"], None, Reading()).images) == tuple(numbers)
    np.testing.assert_array_equal(times_of([10, 15, 20, 30]), [0, 1, 2, 4])
    words = (tmp_path / "in", "--mask", tmp_path / "masks", "--model", "reinhard", "--temporal", "smooth")
    assert run(*words, "--out", tmp_path / "out" / "h_###.png") == 0
    assert sorted(p.name for p in (tmp_path / "out").glob("*.png")) == [f"h_{n:03d}.png" for n in numbers]
    (tmp_path / "masks" / "roto.0010.png").unlink()
    assert run(*words, "--out", tmp_path / "other") == 1
    assert "1 of 5 frames have no mask of their number" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_saved_looks_of_a_sequence_are_applied_to_it_again(tmp_path):
    shoot(tmp_path / "in", frames_of(5), [11, 12, 13, 14, 15])
    words = (tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "mask.png")
    looks = tmp_path / "looks.json"
    assert run(*words, "--model", "reinhard", "--save-look", looks, "--out", tmp_path / "a") == 0
    assert load_looks(looks).model == "reinhard"
    assert run(*words, "--apply-look", looks, "--out", tmp_path / "b") == 0
    for path in sorted((tmp_path / "a").glob("*.png")):
        difference = np.asarray(Image.open(path)).astype(int) - np.asarray(Image.open(tmp_path / "b" / path.name))
        assert np.abs(difference).max() <= 1


def test_frames_without_foreground_and_frames_of_one_name_are_done_too(tmp_path, capsys):
    frames = frames_of(4)
    for folder, half in (("a", frames[:2]), ("b", frames[2:])):
        shoot(tmp_path / folder, half)
    nothing = np.zeros((HEIGHT, WIDTH), np.uint8)
    shoot(tmp_path / "masks", [the_mask(), nothing, the_mask(), the_mask()])
    words = (tmp_path / "a", tmp_path / "b", "--model", "reinhard", "--temporal", "smooth")
    words = (*words, "--mask", tmp_path / "masks")
    assert run(*words, "--out", tmp_path / "out") == 2
    assert "would both become" in capsys.readouterr().err
    assert run(*words, "--out", tmp_path / "a" / "shot.%04d.png") == 2
    assert "would replace the input" in capsys.readouterr().err
    assert run(*words, "--out", tmp_path / "out" / "%d.png") == 0
    results = [np.asarray(Image.open(tmp_path / "out" / f"{i}.png")) for i in range(1, 5)]
    changed = [bool((result != frame).any()) for result, frame in zip(results, frames, strict=True)]
    assert changed == [True, False, True, True]
    assert run(*words, "--invert", "--out", tmp_path / "out" / "%d.png") == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "3.png"))[BOX], frames[2][BOX])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "2.png")), frames[1])


class Lighting:
    """A network that makes the foreground brighter on its left, and nothing else."""

    def __call__(self, composite: np.ndarray, mask: np.ndarray) -> Look:
        columns = np.flatnonzero(mask.any(axis=0))
        across = (np.arange(mask.shape[1]) - columns[0]) / len(columns)
        gains = np.zeros((12, *mask.shape), np.float32)
        gains[:9] = np.where((across >= 0) & (across < 1), 0.6 - 0.6 * across, 0)
        return Look(Look.identity().grade, gains)


def test_what_is_local_goes_with_a_foreground_that_moves(tmp_path):
    frames, masks = [], []
    for i in range(12):
        frame, mask = np.full((HEIGHT, WIDTH, 3), 60, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        frame[16:32, 2 + 4 * i : 18 + 4 * i], mask[16:32, 2 + 4 * i : 18 + 4 * i] = (90, 120, 60), 255
        frames.append(frame)
        masks.append(mask)
    shoot(tmp_path / "in", frames)
    shoot(tmp_path / "masks", masks)
    footage = find_footage([tmp_path / "in"], tmp_path / "masks", Reading())
    model = Controlled(Predictor(LookHarmonizer(Lighting(), ModelInfo("lighting", "", "", 32))))
    for name in ("off", "smooth"):
        harmonize_sequence(model, footage, tmp_path / name, Steady(name, 3.0))
    for i, path in enumerate(sorted((tmp_path / "off").glob("*.png"))):
        alone, steady = (read_image(p)[16:32, 2 + 4 * i : 18 + 4 * i] for p in (path, tmp_path / "smooth" / path.name))
        assert np.ptp(alone.mean(axis=(0, 2))) > 0.05
        assert np.abs(steady - alone).max() < 0.02
