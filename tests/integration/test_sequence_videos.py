# SPDX-License-Identifier: Apache-2.0
"""`harmonize predict` on videos: rate, sound, tags, sizes, and a background that keeps its bits."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
from filming import BOX, HEIGHT, WIDTH, film, frames_of, planes, run, shoot, the_mask
from PIL import Image

from harmonize_core.infer.video import video_frames, video_info


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


def test_frames_of_several_sizes_are_no_video_and_that_is_said_before_the_work(tmp_path, capsys):
    frames = frames_of(4)
    frames[2] = np.repeat(np.repeat(frames[2], 2, axis=0), 2, axis=1)
    shoot(tmp_path / "in", frames)
    masks = [the_mask()] * 4
    masks[2] = np.repeat(np.repeat(masks[2], 2, axis=0), 2, axis=1)
    shoot(tmp_path / "masks", masks)
    words = (tmp_path / "in" / "shot.%04d.png", "--mask", tmp_path / "masks", "--model", "reinhard", "--out")
    for temporal, estimated in (("smooth", 3), ("off", 0)):
        assert run(*words, tmp_path / f"{temporal}.mkv", "--temporal", temporal) == 1
        said = capsys.readouterr().err
        assert "shot.0003.png is 128x96, but the first frame is 64x48" in said
        assert len(list((tmp_path / ".harmonize" / f"{temporal}.mkv").glob("*.npz"))) == estimated
        assert not (tmp_path / f"{temporal}.mkv").exists()
    assert run(*words, tmp_path / "frames") == 0
