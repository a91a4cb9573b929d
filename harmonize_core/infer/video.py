# SPDX-License-Identifier: Apache-2.0
"""Frames of a video as pictures, through PyAV (the FFmpeg libraries as a Python package, extra `[video]`).

Display-referred video of BT.709 or BT.601 is taken as sRGB, as everybody does who cuts it. Its planes become RGB here,
in floating point (ITU-R BT.709-6 and BT.601-7, section 3; full and limited range); FFmpeg only decodes and enlarges
the chroma.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, EnvironmentFault, InputError, OutputError
from harmonize_core.formats.exr import Box
from harmonize_core.formats.images import MAX_PIXELS, first_line, write_bytes, write_image

Floats = NDArray[np.float32]
Planes = NDArray[np.uint16]

VIDEOS = (".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi")
"""Endings of files that are read as video."""

BT709, BT470BG, SMPTE170M, UNSAID = 1, 5, 6, 2
"""Numbers of ITU-T H.273 for matrices (and primaries): BT.709, BT.601 of 625 and of 525 lines, and none said."""

HD_LINES = 720
"""Video of fewer lines that does not say its matrix is taken as BT.601, as players do."""

_MATRICES = {BT709: (0.2126, 0.0722), BT470BG: (0.299, 0.114), SMPTE170M: (0.299, 0.114)}
"""Luma coefficients of red and blue."""

_HIGH_RANGE = {16: "PQ", 18: "HLG"}
"""Transfer characteristics, by their numbers in H.273, of light that sRGB cannot hold."""

_FULL = 2
"""FFmpeg's number of full range."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself."""

    path: Path
    rate: Fraction
    """Frames a second."""
    count: int
    """Frames, as the file says; 0: it does not."""


def library() -> Any:
    """PyAV.

    Raises:
        EnvironmentFault: it is not installed.
    """
    try:
        import av
    except ImportError:
        raise EnvironmentFault(
            "video needs PyAV, which is not installed: pip install 'rdharmony[video]'; or cut it into frames first: "
            "ffmpeg -i shot.mp4 frames/shot_%05d.png"
        ) from None
    return av


def is_video(path: Path) -> bool:
    """Whether this is a video by its ending."""
    return Path(path).suffix.lower() in VIDEOS


def video_info(path: Path) -> VideoInfo:
    """Read the header of a video.

    Raises:
        EnvironmentFault: PyAV is not installed.
        InputError: missing, damaged, or without pictures.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate or Fraction(24)
        return VideoInfo(Path(path), Fraction(rate), int(stream.frames))


def video_frames(path: Path) -> Iterator[VideoPicture]:
    """All frames of a video in the order of time; each is decoded when it is asked for, and none is kept.

    Raises:
        EnvironmentFault: PyAV is not installed.
        InputError: missing, damaged, without pictures, or of high dynamic range.
    """
    av = library()
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for number, frame in enumerate(container.decode(stream), 1):
                kind = _HIGH_RANGE.get(frame.color_trc)
                if kind:
                    raise InputError(f"{path} is {kind} (high dynamic range); convert it to SDR or to scene-linear EXR")
                yield VideoPicture(Path(path), number, frame)
        except av.error.FFmpegError as error:
            raise InputError(f"{path} is damaged or cut off ({first_line(error)}); copy it again") from error


@dataclass(frozen=True)
class VideoPicture:
    """A frame of a video, as `harmonize_core.formats.picture.Picture`."""

    path: Path
    number: int
    """From 1."""
    decoded: Any
    """The `av.VideoFrame`."""
    ceiling: float | None = 1.0
    cut_out: bool = False

    @cached_property
    def _rgba(self) -> tuple[Floats, Floats | None]:
        values, alpha = to_rgb(self.decoded)
        turns = round(self.turned / 90)
        values = np.ascontiguousarray(np.rot90(values, turns))
        return values, None if alpha is None else np.ascontiguousarray(np.rot90(alpha, turns))

    @property
    def turned(self) -> int:
        """Degrees, against the clock, that the frame is turned by to be upright."""
        return int(self.decoded.rotation)

    @property
    def srgb(self) -> Floats:
        """As `Picture`."""
        return self._rgba[0]

    @property
    def alpha(self) -> Floats | None:
        """As `Picture`; colours beside it are those of a whole picture."""
        return self._rgba[1]

    @property
    def frame(self) -> Box:
        """The whole frame, upright."""
        size = self.decoded.width, self.decoded.height
        return Box(0, 0, *(size if self.turned % 180 == 0 else size[::-1]))

    @property
    def display(self) -> Box:
        """The whole frame, upright."""
        return self.frame

    @property
    def data(self) -> Box:
        """The whole frame, upright."""
        return self.frame

    def save(self, out: Path, harmonized: Floats, mask: Floats) -> None:
        """Write the frame as a picture: PNG with 8 bits or, of deeper video, 16; other formats with 8."""
        if Path(out).suffix.lower() == ".exr":
            raise ConfigError(f"frames of video cannot be written as {out}; end it in .png, or make it a video")
        if Path(out).suffix.lower() != ".png" or bits_of(self.decoded) <= 8:
            write_image(out, harmonized)
            return
        values = np.rint(np.clip(harmonized[..., ::-1], 0, 1) * 65535).astype(np.uint16)
        ok, data = cv2.imencode(".png", values)
        if not ok:
            raise OutputError(f"{out} could not be encoded as PNG")
        write_bytes(Path(out), data.tobytes())


def to_rgb(decoded: Any) -> tuple[Floats, Floats | None]:
    """A decoded frame as (H, W, 3) sRGB, which may leave [0, 1] a little, and its alpha (H, W) if it has one."""
    has_alpha = any(c.is_alpha for c in decoded.format.components)
    if decoded.format.is_rgb or len(decoded.format.components) < 3:
        planes = _planes(decoded, "gbrap16le" if has_alpha else "gbrp16le")
        values = planes[[2, 0, 1]].transpose(1, 2, 0) / np.float32(_white(bits_of(decoded)))
        return np.minimum(values, 1), planes[3] / np.float32(65535) if has_alpha else None
    planes = _planes(decoded, "yuva444p16le" if has_alpha else "yuv444p16le")
    scale, black, chroma = _scales(is_full(decoded), bits_of(decoded))
    luma = (planes[0].astype(np.float32) - black) / scale
    blue, red = (planes[1:3].astype(np.float32) - 32768) / chroma
    kr, kb = _MATRICES.get(matrix_of(decoded), _MATRICES[BT709])
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    alpha = planes[3] / np.float32(65535) if has_alpha else None
    return np.stack([r, g, b], axis=-1).astype(np.float32), alpha


def to_planes(rgb: Floats, matrix: int, full: bool, bits: int) -> Planes:
    """(H, W, 3) sRGB as Y, Cb and Cr for video of that many bits: (3, H, W) in FFmpeg's yuv444p16le."""
    kr, kb = _MATRICES[matrix]
    scale, black, chroma = _scales(full, bits)
    r, g, b = np.clip(rgb, 0, 1).transpose(2, 0, 1)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    colors = np.stack([(b - luma) / (2 - 2 * kb), (r - luma) / (2 - 2 * kr)])
    scaled = np.concatenate([luma[None] * scale + black, colors * chroma + 32768])
    return np.rint(np.clip(scaled, 0, 65535)).astype(np.uint16)


def matrix_of(decoded: Any) -> int:
    """The matrix of a frame's colours in H.273; what it does not say goes by its size."""
    said = int(decoded.colorspace)
    return said if said in _MATRICES else BT709 if max(decoded.height, decoded.width) >= HD_LINES else SMPTE170M


def is_full(decoded: Any) -> bool:
    """Whether values of a frame go from 0 to the largest."""
    return int(decoded.color_range) == _FULL or decoded.format.name.startswith("yuvj")


def bits_of(decoded: Any) -> int:
    """Of each value of a frame."""
    return int(decoded.format.components[0].bits)


def _scales(full: bool, bits: int) -> tuple[int, int, int]:
    """Of luma, its black, and of chroma, in 16 bits."""
    return (_white(bits), 0, _white(bits)) if full else (219 * 256, 16 * 256, 224 * 256)


def _white(bits: int) -> int:
    """The largest value of fewer bits as FFmpeg widens it to 16."""
    return ((1 << bits) - 1) << (16 - bits)


def _planes(decoded: Any, form: str) -> Planes:
    """The planes of a frame in a planar format of 16 bits: (3 or 4, H, W), range and matrix as they are."""
    color_range = _FULL if is_full(decoded) else 1
    same = {"src_colorspace": 1, "dst_colorspace": 1, "src_color_range": color_range, "dst_color_range": color_range}
    turned = decoded.reformat(format=form, **same)
    rows = [
        np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2)[:, : plane.width]
        for plane in turned.planes
    ]
    return np.stack(rows)


def _opened(path: Path) -> Any:
    av = library()
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the video {path} does not exist; check the path")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} is not a readable video ({first_line(error)}); check that it was copied whole"
        ) from error
    if not container.streams.video:
        container.close()
        raise InputError(f"{path} holds no pictures, only sound or data; choose another video")
    stream = container.streams.video[0]
    if stream.width * stream.height > MAX_PIXELS:
        container.close()
        raise InputError(f"{path} is {stream.width}x{stream.height}, more than the {MAX_PIXELS} pixels allowed")
    return container
