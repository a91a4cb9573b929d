# SPDX-License-Identifier: Apache-2.0
"""The truth bench: its shots are what they say, its scores are kept, and it goes through the add-on itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bench_addon_truth  # noqa: E402
import truth_shots  # noqa: E402
from addon_helpers import write_exposure_network  # noqa: E402

from harmonize_core.compositing import OPAQUE  # noqa: E402
from harmonize_core.runtime import ColorTransform, harmonize_layers  # noqa: E402


def test_scores_say_what_is_left():
    score = bench_addon_truth.Score("shot", before=100.0, after=30.0, single=40.0, best=9.0, rtc=1.0, rtc_single=4.0)
    assert score.removed == pytest.approx(0.7)
    assert score.flicker == pytest.approx(0.25)


def test_the_best_affine_change_is_found():
    rng = np.random.default_rng(0)
    pictures = [rng.random((8, 9, 3), dtype=np.float32) for _ in range(2)]
    truth = [np.float32(0.5) * p[..., ::-1] + np.float32(0.1) for p in pictures]
    masks = [np.ones((8, 9), np.float32)] * 2
    found = bench_addon_truth.best_affine(pictures, truth, masks)
    assert max(np.abs(f - t).max() for f, t in zip(found, truth, strict=True)) < 1e-5


@pytest.mark.slow
def test_a_shot_of_known_truth_goes_through_the_add_on(tmp_path, monkeypatch):
    monkeypatch.setitem(truth_shots.RECIPE, "--size", "64x36")
    monkeypatch.setitem(truth_shots.RECIPE, "--samples", "2")
    truth_shots.render_shots(tmp_path, 1, 2)
    (shot,) = truth_shots.shots_in(tmp_path)
    assert shot.frames == 2
    frame = shot.frame(0)
    outside, inside = frame.alpha == 0, frame.alpha >= OPAQUE
    assert inside.sum() > 20
    assert (frame.truth[outside] == frame.plate[outside]).all()
    before = harmonize_layers(ColorTransform.identity(), frame.layer_linear, frame.alpha, frame.plate)
    assert (before[outside] == frame.plate[outside]).all()
    assert np.abs(before - frame.truth)[inside].mean() > 1 / 255
    assert np.abs(frame.plate - frame.truth)[inside].mean() > 1 / 255, "the plate shows the character"

    network = write_exposure_network(tmp_path / "exposure.onnx")
    command = [sys.executable, str(ROOT / "scripts/bench_addon_truth.py"), str(network), "--shots", str(tmp_path)]
    command += ["--no-render", "--sheet", str(tmp_path / "sheet.png")]
    first = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert first.returncode == 0, first.stderr[-2000:]
    assert shot.name in first.stdout
    assert (tmp_path / "sheet.png").is_file()
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "scores").iterdir()}
    again = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert again.stdout.splitlines()[-4:] == first.stdout.splitlines()[-4:]
    assert kept == {p: p.stat().st_mtime_ns for p in kept}


@pytest.mark.parametrize("arguments", [["nowhere.onnx"], [__file__]])
def test_what_cannot_be_scored_is_one_sentence(tmp_path, arguments):
    command = [sys.executable, str(ROOT / "scripts/bench_addon_truth.py"), *arguments, "--no-render", "--shots"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
