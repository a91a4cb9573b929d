# SPDX-License-Identifier: Apache-2.0
"""`harmonize predict` on frames and videos: steady, in order, resumable, with the background as it was."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from harmonize_core.cli import main
from harmonize_core.formats.images import read_image
from harmonize_core.infer.controls import Controlled
from harmonize_core.infer.files import Reading
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.sequence import harmonize_sequence
from harmonize_core.infer.sequence_frames import find_footage, numbers_of, times_of
from harmonize_core.infer.sequence_plan import Steady
from harmonize_core.infer.video import video_frames, video_info
from harmonize_core.runtime import Look, LookHarmonizer, ModelInfo

HEIGHT, WIDTH = 48, 64
BOX = np.s_[14:36, 20:50]


def frames_of(count: int, seed: int = 0) -> list[np.ndarray]:
    """Composites (48, 64, 3) uint8: a window that slides over noise, and a foreground."""
    rng = np.random.default_rng(seed)
    scene = np.kron(rng.integers(0, 256, (HEIGHT // 4, WIDTH // 2, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    found = []
    for i in range(count):
        frame = scene[:, i % WIDTH : i % WIDTH + WIDTH].copy()
        frame[BOX] = (90, 120, 60)
        found.append(frame)
    return found


def the_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[BOX] = 255
    return mask


def shoot(
    folder: Path, frames: list[np.ndarray], numbers: list[int] | None = None, name: str = "shot.{:04d}.png"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, number in zip(frames, numbers or range(1, len(frames) + 1), strict=True):
        Image.fromarray(frame).save(folder / name.format(number))
    Image.fromarray(the_mask()).save(folder.parent / "mask.png")
    return folder


def run(*words: object) -> int:
    return main(["predict", *map(str, words), "--quiet"])


def brightness(path: Path) -> float:
    return float(read_image(path)[BOX].mean())


class Flickering:
    """A network whose exposure is another for every frame, as the frames come."""

    def __init__(self, stops: list[float]) -> None:
        self.stops, self.asked = stops, 0

    def __call__(self, composite: np.ndarray, mask: np.ndarray) -> Look:
        value = self.stops[self.asked % len(self.stops)]
        self.asked += 1
        return Look(np.float32([value, *[0] * 9]), Look.identity().map)

    def controlled(self) -> Controlled:
        return Controlled(Predictor(LookHarmonizer(self, ModelInfo("flickering", "", "", 32))))


def test_frames_are_steady_the_light_may_change_and_the_background_stays(tmp_path):
    stops = [0.3 + 0.5 * (i >= 9) + 0.08 * (-1) ** i for i in range(18)]
    network = Flickering(stops)
    shoot(tmp_path / "in", frames_of(18))
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
    (tmp_path / "out" / ".shot.0007.png.999999999.partial.png").write_bytes(b"half")
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


def film(
    path: Path,
    frames: list[np.ndarray],
    codec: str = "libx264",
    form: str = "yuv420p",
    sound: bool = False,
    transfer: int = 1,
) -> Path:
    """A video of 30000/1001 frames a second in BT.709."""
    rate = Fraction(30000, 1001)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, options={"crf": "10"} if codec == "libx264" else {})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], form
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_range = 1
        context.color_trc = transfer
        tone = file.add_stream("aac", rate=48000, layout="mono") if sound else None
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(format=form, dst_colorspace=1, dst_color_range=1)
            picture.pts, picture.time_base = i, 1 / rate
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
        for i in range(20 if tone else 0):
            samples = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            samples.sample_rate, samples.pts, samples.time_base = 48000, 1024 * i, Fraction(1, 48000)
            file.mux(tone.encode(samples))
        if tone:
            file.mux(tone.encode(None))
    return path


def planes(path: Path) -> list[list[np.ndarray]]:
    with av.open(str(path)) as file:
        return [
            [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width].copy() for p in frame.planes]
            for frame in file.decode(video=0)
        ]


def test_a_video_keeps_its_rate_sound_and_colour_tags(tmp_path):
    source = film(tmp_path / "shot.mp4", frames_of(10), sound=True)
    Image.fromarray(the_mask()).save(tmp_path / "mask.png")
    assert run(source, "--mask", tmp_path / "mask.png", "--model", "reinhard", "--out", tmp_path / "out.mp4") == 0
    assert video_info(tmp_path / "out.mp4").rate == Fraction(30000, 1001)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        context = after.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        sounds = [[bytes(p) for p in file.demux(audio=0) if p.size] for file in (before, after)]
        assert sounds[0] == sounds[1]
        assert len(sounds[0]) > 15
    pairs = list(zip(video_frames(source), video_frames(tmp_path / "out.mp4"), strict=True))
    assert len(pairs) == 10
    for before, after in pairs:
        assert np.abs(before.srgb[:10] - after.srgb[:10]).mean() < 0.02
        assert np.abs(before.srgb[BOX] - after.srgb[BOX]).mean() > 0.02
    curves = (tmp_path / "out_curves.svg").read_text()
    assert curves.startswith("<svg")
    assert curves.count("<polyline") == 8


def test_lossless_video_of_odd_size_keeps_the_background_bit_for_bit(tmp_path):
    source = film(tmp_path / "shot.mkv", [f[:-1, :-1] for f in frames_of(5)], "ffv1")
    film(tmp_path / "roto.mkv", [np.repeat(the_mask()[:-1, :-1, None], 3, axis=2)] * 5, "ffv1", "yuv444p")
    assert run(source, "--mask", tmp_path / "roto.mkv", "--model", "reinhard", "--out", tmp_path / "o.mkv") == 0
    for before, after in zip(planes(source), planes(tmp_path / "o.mkv"), strict=True):
        assert not np.array_equal(before[0], after[0])
        for plane, (old, new) in enumerate(zip(before, after, strict=True)):
            rows, columns = (slice(s.start // 2, s.stop // 2) for s in BOX) if plane else BOX
            old[rows, columns] = new[rows, columns] = 0
            np.testing.assert_array_equal(old, new)
    odd = tmp_path / "odd.mp4"
    assert run(source, "--mask", tmp_path / "roto.mkv", "--model", "reinhard", "--out", odd) == 0
    assert next(video_frames(odd)).srgb.shape == (HEIGHT - 1, WIDTH - 1, 3)


def test_videos_become_frames_and_frames_videos(tmp_path):
    source = film(tmp_path / "shot.mov", frames_of(4))
    shoot(tmp_path / "masks", [the_mask()] * 4)
    words = ("--mask", tmp_path / "masks", "--model", "reinhard", "--temporal", "lock")
    assert run(source, *words, "--out", tmp_path / "frames") == 0
    made = sorted((tmp_path / "frames").glob("*.png"))
    assert [p.name for p in made] == [f"shot.{i:05d}.png" for i in range(1, 5)]
    np.testing.assert_array_equal(
        np.asarray(Image.open(made[2]))[:10], np.rint(255 * np.clip(list(video_frames(source))[2].srgb[:10], 0, 1))
    )
    back = tmp_path / "back.mp4"
    assert run(tmp_path / "frames", *words, "--fps", "25", "--out", back) == 0
    assert video_info(back) == type(video_info(back))(back, Fraction(25), 4)


def test_what_cannot_be_a_video_is_said_in_a_sentence(tmp_path, capsys):
    source = film(tmp_path / "shot.mp4", frames_of(3))
    Image.fromarray(the_mask()).save(tmp_path / "mask.png")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "cut.mp4").write_bytes(source.read_bytes()[:300])
    film(tmp_path / "short.mkv", [np.repeat(the_mask()[..., None], 3, axis=2)] * 2, "ffv1", "yuv444p")
    film(tmp_path / "hdr.mkv", frames_of(1), "ffv1", transfer=16)
    mask = ("--mask", tmp_path / "mask.png", "--model", "reinhard", "--out")
    for words, said in (
        ((tmp_path / "hdr.mkv", *mask, tmp_path / "o.mp4"), "is PQ (high dynamic range)"),
        ((source, *mask, tmp_path / "o.png"), "--out should be a folder, a pattern"),
        ((tmp_path / "none.mp4", *mask, tmp_path / "o.mp4"), "does not exist"),
        ((tmp_path / "text.mp4", *mask, tmp_path / "o.mp4"), "is not a readable video"),
        ((tmp_path / "cut.mp4", *mask, tmp_path / "o.mp4"), "is not a readable video"),
        ((source, *mask, tmp_path / "o.avi"), "--out should end in .mp4, .mov, .m4v, .mkv"),
        ((source, *mask, source), "would replace the input"),
        ((source, *mask, tmp_path / "o.mp4", "--smoothing", "long"), "seconds as 0.25s or frames as 6 but is long"),
        ((source, *mask, tmp_path / "o.mp4", "--shots", "1,9"), "names frame 9, but the frames are 1 to 3"),
        ((source, "--mask", tmp_path / "short.mkv", *mask[2:], tmp_path / "o.mp4"), "has 2 masks for more frames"),
    ):
        assert run(*words) in (1, 2)
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "o.mp4").exists()
    no_av = "import sys; sys.modules['av'] = None; from harmonize_core.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [str(w) for w in ("predict", source, *mask, tmp_path / "o.mp4")]
    result = subprocess.run([sys.executable, "-c", no_av, *words], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: video needs PyAV, which is not installed: pip install 'rdharmony[video]'")


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


def test_saved_looks_of_a_sequence_are_applied_to_it_again(tmp_path):
    shoot(tmp_path / "in", frames_of(5), [11, 12, 13, 14, 15])
    words = (tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "mask.png")
    looks = tmp_path / "looks.json"
    assert run(*words, "--model", "reinhard", "--save-look", looks, "--out", tmp_path / "a") == 0
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
