# SPDX-License-Identifier: Apache-2.0
"""Clips with the real renderer: a person walks, the camera moves, nothing flickers, and a killed run goes on."""

import itertools
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from generator import content, run
from PIL import Image

from harmonize_core.formats import hyoutube
from harmonize_core.formats.images import read_exr, read_image, read_mask
from rdharmony_gen.spec.records import ClipRecord, read_clips

FRAMES = 3
OPTIONS = "--views 1 --scenes park --test-scenes park --size 48x48 --samples 2 --seed 7 --workers 1".split()
OPTIONS += ["--clip", str(FRAMES), "--clip-pairs", "2", "--styles", "noon_clear", "night", "--keep-renders", "--quiet"]
VIEW = "SHuman_park_00_v000"
NAMES = ["00000", "00005", "00010"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A set made in one go; tests that damage it work on copies."""
    out = tmp_path_factory.mktemp("clips") / "out"
    assert run("make", out, *OPTIONS) == 0
    return out


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


@pytest.fixture(scope="module")
def record(finished) -> ClipRecord:
    (found,) = read_clips(finished / "manifest.jsonl")
    return found


def test_the_set_has_the_files_of_the_layout(finished):
    folders = {
        *(f"real_videos/{VIEW}-{a}" for a in (4, 10)),
        *(f"foreground_mask/{VIEW}-{a}/object_{b}" for a, b in ((4, 10), (10, 4))),
        *(f"synthetic_composite_videos/{VIEW}-{a}/object_{b}" for a, b in ((4, 10), (10, 4))),
        f"alpha/{VIEW}",
    }
    for folder in folders:
        assert [p.stem for p in sorted((finished / folder).iterdir())] == NAMES, folder
    clips = {clip.name for clip in hyoutube.list_clips(finished, "test")}
    assert clips == {f"{VIEW}-4/object_10", f"{VIEW}-10/object_4"}
    assert (finished / "train_list.txt").read_text() == ""
    assert len((finished / "test_frames.txt").read_text().splitlines()) == 2 * FRAMES
    assert json.loads((finished / "dataset.json").read_text())["counts"]["composites"] == 2 * FRAMES
    assert not list(finished.rglob("*.partial*"))


def test_co2net_would_find_the_frames_before_and_after(finished):
    """Its rule for the frame before: the number in the name less five."""
    for line in (finished / "test_frames.txt").read_text().splitlines():
        for name in line.split():
            path = finished / name
            before = path.with_name(f"{int(path.stem) - 5:05d}{path.suffix}")
            assert path.is_file()
            assert before.is_file() == (path.stem != NAMES[0])


def test_triplets_fit_together(finished):
    for clip in hyoutube.list_clips(finished):
        for frame in clip.frames:
            composite, real, mask = read_image(frame.composite), read_image(frame.real), read_mask(frame.mask)
            alpha = cv2.imread(str(finished / "alpha" / VIEW / frame.mask.name), cv2.IMREAD_UNCHANGED)
            assert set(np.unique(mask)) == {0, 1}
            assert np.array_equal(mask >= 0.5, alpha >= 32768)
            assert ((alpha > 0) & (alpha < 65535)).any(), "soft at edges"
            inside, outside = np.abs(composite - real)[mask == 1], np.abs(composite - real)[alpha == 0]
            assert inside.mean() > 3 * outside.mean()


def test_camera_and_subject_move(finished, record):
    facts = record.view.geometry["frames"]
    cameras, subjects = (np.array([f[key] for f in facts]) for key in ("camera_xyz", "subject_xyz"))
    assert np.linalg.norm(np.diff(cameras, axis=0), axis=1).min() > 0
    walked = np.linalg.norm(np.diff(subjects, axis=0), axis=1) * record.view.fps
    assert np.allclose(walked, 1.27, atol=0.05), "metres a second, as the feet say"
    shapes = [read_exr(finished / "renders" / "SHuman" / "park_00_v000" / n / "coverage.exr")["Y"] for n in NAMES]
    assert all(np.abs(a - b).max() > 0.1 for a, b in itertools.pairwise(shapes))
    depths = [read_exr(finished / "renders" / "SHuman" / "park_00_v000" / n / "aux.exr")["Z"] for n in NAMES]
    assert all((a != b).mean() > 0.3 for a, b in itertools.pairwise(depths))


def test_exposure_is_locked(finished, record):
    """What does not change keeps its brightness from frame to frame: the whole picture is the same to a few levels."""
    assert len({r.exposure_ev for r in record.reals}) == 2
    for real in record.reals:
        means = [np.asarray(Image.open(finished / real.path / f"{n}.jpg"), float).mean() for n in NAMES]
        assert np.ptp(means) < 4, real.path


def test_kill_9_in_the_middle_changes_no_byte_and_what_was_there_is_kept(finished, copy, tmp_path):
    """The last frame, pictures of the others and all that is composed are gone; the run that goes on is killed, too."""
    renders = copy / "renders" / "SHuman" / "park_00_v000"
    kept = renders / NAMES[0] / "night.exr"
    touched = kept.stat().st_mtime_ns
    shutil.rmtree(renders / NAMES[2])
    second = renders / NAMES[1] / "noon_clear.exr"
    for path in (renders / "view.json", second, renders / NAMES[0] / "coverage.exr"):
        path.unlink()
    for name in (".rdharmony", "real_videos", "synthetic_composite_videos", "alpha", "report"):
        shutil.rmtree(copy / name)
    for name in ("manifest.jsonl", "dataset.json"):
        (copy / name).unlink()
    command = [sys.executable, "-m", "rdharmony_gen", "make", str(copy), *OPTIONS]
    with open(tmp_path / "log", "wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 240
    while not second.is_file() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.wait()
    assert second.is_file(), (tmp_path / "log").read_text()
    assert not (renders / "view.json").exists(), "killed before the end"
    again = second.stat().st_mtime_ns
    assert run("make", copy, *OPTIONS) == 0
    assert content(copy) == content(finished)
    assert (kept.stat().st_mtime_ns, second.stat().st_mtime_ns) == (touched, again)


DAMAGE = {
    "a lost frame": lambda out: (out / "foreground_mask" / f"{VIEW}-4" / "object_10" / "00005.png").unlink(),
    "a frame of another": lambda out: shutil.copy(
        out / "real_videos" / f"{VIEW}-4" / "00000.jpg", out / "real_videos" / f"{VIEW}-4" / "00005.jpg"
    ),
    "a list without a clip": lambda out: (out / "test_list.txt").write_text(""),
    "a stray frame": lambda out: (out / "real_videos" / f"{VIEW}-4" / "00015.jpg").write_text("x"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_validate_finds(copy, capsys, what):
    assert run("validate", copy, "--quiet") == 0
    DAMAGE[what](copy)
    assert run("validate", copy, "--quiet") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_the_report_shows_moving_pictures_that_are_there(finished):
    page = (finished / "report" / "index.html").read_text()
    shown = re.findall(r'src="(images/[^"]+)"', page)
    films = [finished / "report" / name for name in shown]
    assert all(path.is_file() for path in films)
    assert "<script" not in page
    (film,) = (Image.open(path) for path in films if path.suffix == ".webp")
    assert film.n_frames == FRAMES


def test_pack_refuses_clips_in_one_sentence(finished, tmp_path, capsys):
    assert run("pack", finished, tmp_path / "packed") == 1
    assert "holds clips" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()
