# SPDX-License-Identifier: Apache-2.0
"""Frames, masks and videos for tests of sequences, and a network that flickers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from harmonize_core.cli import main
from harmonize_core.formats.images import read_image
from harmonize_core.infer.controls import Controlled
from harmonize_core.infer.predictor import Predictor
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
