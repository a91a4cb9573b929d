# SPDX-License-Identifier: Apache-2.0
"""Runs of `harmonize predict` on sequences: stopped, repeated, two at a time, and long ones."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from filming import Flickering, frames_of, run, shoot, the_mask
from PIL import Image

from harmonize_core.errors import OutputError
from harmonize_core.formats.images import partial_path
from harmonize_core.formats.lock import exclusive
from harmonize_core.infer.controls import Controlled
from harmonize_core.infer.files import Reading
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.sequence import harmonize_sequence
from harmonize_core.infer.sequence_frames import find_footage
from harmonize_core.infer.sequence_plan import Steady
from harmonize_core.infer.sequence_work import remove_leftovers
from harmonize_core.runtime import LookHarmonizer, ModelInfo


def test_a_run_that_was_killed_goes_on_and_gives_what_an_unbroken_one_gives(tmp_path):
    count = 40
    shoot(tmp_path / "in", frames_of(count))
    command = [sys.executable, "-m", "harmonize_core", "predict", tmp_path / "in" / "shot.####.png"]
    command += ["--mask", tmp_path / "mask.png", "--model", "reinhard", "--quiet"]
    work = tmp_path / "out" / ".harmonize"
    for wanted in ("*.npz", "*.done"):  # in the first pass, then in the second
        process = subprocess.Popen([*map(str, command), "--out", str(tmp_path / "out")])
        while process.poll() is None and len(list(work.glob(wanted))) < 5:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    partial_path(tmp_path / "out" / "shot.0007.png", 999999999).write_bytes(b"half")
    finished = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("shot*.png")}
    assert 0 < len(finished) < count
    last = max(finished, key=lambda name: finished[name])
    assert run(*command[4:-1], "--out", tmp_path / "out") == 0
    assert run(*command[4:-1], "--out", tmp_path / "whole") == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_file())
    assert names == [f"shot.{i:04d}.png" for i in range(1, count + 1)]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    kept = [n for n in finished if (tmp_path / "out" / n).stat().st_mtime_ns == finished[n]]
    assert set(kept) >= set(finished) - {last}


def test_a_frame_is_done_again_only_where_something_that_it_is_made_of_changed(tmp_path):
    shoot(tmp_path / "in", frames_of(9))
    words = [tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "mask.png", "--model", "reinhard"]

    def changed(*more: object) -> set[int]:
        times = {p: p.stat().st_mtime_ns for p in sorted((tmp_path / "out").glob("*.png"))}
        assert run(*words, "--out", tmp_path / "out", *more) == 0
        return {i for i, (p, t) in enumerate(times.items(), 1) if p.stat().st_mtime_ns != t}

    alone = ("--temporal", "off")
    changed(*alone)
    assert changed(*alone) == set()
    frame = np.asarray(Image.open(tmp_path / "in" / "shot.0004.png")).copy()
    frame[0, 0] ^= 255
    Image.fromarray(frame).save(tmp_path / "in" / "shot.0004.png")
    (tmp_path / "out" / "shot.0007.png").write_bytes(b"damaged")
    assert changed(*alone) == {4, 7}
    assert changed(*alone, "--strength", "0.5") == set(range(1, 10))
    assert changed(*alone, "--strength", "0.5", "--overwrite") == set(range(1, 10))
    Image.fromarray(255 - the_mask()).save(tmp_path / "mask.png")
    assert changed(*alone, "--strength", "0.5") == set(range(1, 10))


def test_long_sequences_need_no_more_memory_than_short_ones(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    mask = np.zeros((360, 640), np.uint8)
    mask[100:200, 200:400] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "in").mkdir()
    Image.fromarray(frame).save(tmp_path / "in" / "1.bmp")
    for i in range(2, 49):
        os.link(tmp_path / "in" / "1.bmp", tmp_path / "in" / f"{i}.bmp")
    peaks = []
    for count in (8, 48):
        names = [str(tmp_path / "in" / f"{i}.bmp") for i in range(1, count + 1)]
        words = ["predict", *names, "--mask", str(tmp_path / "mask.png"), "--model", "reinhard", "--quiet"]
        words += ["--temporal", "smooth", "--out", str(tmp_path / str(count))]
        code = "import sys; from harmonize_core.cli import main; sys.exit(main(sys.argv[1:]))"
        process = subprocess.Popen([sys.executable, "-c", code, *words])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0
        peaks.append(usage.ru_maxrss / 1024)
    assert peaks[1] - peaks[0] < 25  # MB; a frame as floats is 2.8, the 40 more of them 111


def test_what_a_frame_took_is_free_when_it_is_done(tmp_path):
    """Without the garbage collector, which does not see how large arrays are."""
    model = Flickering([0.4]).controlled()
    mask = np.zeros((240, 320), np.float32)
    mask[60:180, 80:240], mask[50:60, 80:240] = 1, 0.5
    frame = np.random.default_rng(0).random((240, 320, 3), dtype=np.float32)
    model(frame, mask)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(3):
            model(frame, mask)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 0.05 * most


def test_a_second_run_into_one_folder_is_refused_while_the_first_is_at_work(tmp_path, capsys):
    shoot(tmp_path / "in", frames_of(3))
    words = (tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "mask.png", "--model", "reinhard", "--out")
    with exclusive(tmp_path / "out" / ".harmonize" / "lock", tmp_path / "out"):
        for temporal in ("smooth", "off"):
            assert run(*words, tmp_path / "out", "--temporal", temporal) == 1
            assert f"another run is at work on {tmp_path / 'out'}" in capsys.readouterr().err
        assert not list((tmp_path / "out").rglob("*.p*"))
        assert run(*words, tmp_path / "other") == 0
    assert run(*words, tmp_path / "out") == 0


def test_estimates_that_another_run_replaced_are_missed_in_a_sentence(tmp_path):
    shoot(tmp_path / "in", frames_of(3))
    footage = find_footage([tmp_path / "in"], tmp_path / "mask.png", Reading())

    def meddling(what, frames, _count):
        if what == "writing":
            (tmp_path / "out" / ".harmonize" / "shot.0002.png.npz").write_bytes(b"of another")
        return frames

    network = Flickering([0.3]).controlled()
    with pytest.raises(OutputError, match="give each run its own --out"):
        harmonize_sequence(network, footage, tmp_path / "out", Steady("smooth", 3.0), progress=meddling)


def test_frames_of_another_engine_or_applied_another_way_are_not_kept(tmp_path):
    predictor = Predictor(LookHarmonizer(Flickering([0.3]), ModelInfo("flickering", "", "", 32)))
    shoot(tmp_path / "in", frames_of(2))
    footage = find_footage([tmp_path / "in"], tmp_path / "mask.png", Reading())

    def kept(as_look: bool) -> int:
        model = Controlled(predictor, as_look=as_look)
        return harmonize_sequence(model, footage, tmp_path / "out", Steady("off")).kept

    assert [kept(False), kept(False), kept(True), kept(True)] == [0, 2, 0, 2]


def test_what_other_machines_are_writing_is_left_alone(tmp_path):
    gone = partial_path(tmp_path / "shot.0001.png", 999999999)
    ours = partial_path(tmp_path / "shot.0002.png")
    theirs = tmp_path / gone.name.replace(".png.", ".png.another_host_")
    for path in (gone, ours, theirs):
        path.write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, theirs])


def test_looks_that_would_not_be_kept_are_refused_before_the_work(tmp_path, capsys):
    shoot(tmp_path / "in", frames_of(2))
    words = (tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "mask.png", "--model", tmp_path / "no_network")
    assert run(*words, "--temporal", "off", "--save-look", tmp_path / "l.json", "--out", tmp_path / "out") == 2
    assert "--save-look needs looks of frames" in capsys.readouterr().err
