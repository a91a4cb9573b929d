# SPDX-License-Identifier: Apache-2.0
"""Harmonized frames into a video file, with the rate, sound, colour tags and kind of coding of the video they are of.

A pixel outside the mask goes to the encoder with the values that were decoded: a lossless kind (FFV1 in .mkv) keeps it
bit for bit, H.264 and ProRes code it anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError, InputError, OutputError
from harmonize_core.formats.images import atomic_path, first_line, to_uint8
from harmonize_core.formats.picture import Picture
from harmonize_core.infer import video

Floats = NDArray[np.float32]

WRITTEN = (".mp4", ".mov", ".m4v", ".mkv")
"""Endings of videos that can be written."""

QUALITY = "14"
"""Constant rate factor of H.264: hardly told from its source; 0 would be without loss, 23 is the usual."""

_MOV = (".mp4", ".mov", ".m4v")

_RGB, _LIMITED, _FULL = 0, 1, 2
"""FFmpeg's numbers of the matrix that is none, and of ranges."""


@contextlib.contextmanager
def video_writer(out: Path, rate: Fraction, source: Path | None = None) -> Generator[VideoWriter]:
    """A video to write frames to; it stands at `out` when the block ends well, and not at all otherwise.

    Args:
        out: file to write, .mp4, .mov, .m4v or .mkv.
        rate: frames a second, of frames that are not of a video.
        source: the video that frames are of: its sound is copied.

    Raises:
        ConfigError: another ending.
        EnvironmentFault: PyAV is not installed.
        OutputError: it cannot be written.
    """
    av = video.library()
    if Path(out).suffix.lower() not in WRITTEN:
        raise ConfigError(f"--out should end in {', '.join(WRITTEN)} for a video but is {out}")
    with atomic_path(out) as partial, contextlib.ExitStack() as stack:
        options = {"movflags": "+faststart"} if partial.suffix.lower() in _MOV else {}
        try:
            container = stack.enter_context(av.open(str(partial), "w", options=options))
            original = None if source is None else stack.enter_context(av.open(str(source)))
            writer = VideoWriter(container, rate, original)
            yield writer
            writer.finish()
        except av.error.FFmpegError as error:
            raise OutputError(f"{out} could not be written ({first_line(error)}); choose another ending") from error


class VideoWriter:
    """Takes frames in the order of time, all of one size."""

    def __init__(self, container: Any, rate: Fraction, original: Any) -> None:
        """Args: see `video_writer`; `original` is the opened source."""
        self._container, self._rate, self._original = container, rate, original
        self._stream: Any = None
        self._count = 0
        self._sound: Iterator[Any] = iter(())
        self._waiting: Any = None

    def write(self, picture: Picture, harmonized: Floats, mask: Floats) -> None:
        """Add a frame: (H, W, 3) sRGB, upright; where the mask (H, W) is 0 it is the picture's own.

        Raises:
            InputError: it is of another size than the first.
        """
        decoded = picture.decoded if isinstance(picture, video.VideoPicture) and picture.turned == 0 else None
        if self._stream is None:
            self._start(picture, harmonized.shape[1], harmonized.shape[0])
        name = f"frame {picture.number} of {picture.path}" if isinstance(picture, video.VideoPicture) else picture.path
        check_size(name, harmonized.shape[:2], (self._stream.height, self._stream.width))
        context = self._stream.codec_context
        frame = _encoded_form(
            harmonized, self._stream.pix_fmt, int(context.colorspace), int(context.color_range) == _FULL
        )
        if decoded is not None and decoded.format.name == self._stream.pix_fmt:
            _keep(frame, decoded, mask > 0)
        frame.pts, frame.time_base = self._count, 1 / self._rate
        if isinstance(picture, video.VideoPicture) and picture.decoded.pts is not None:
            frame.pts, frame.time_base = picture.decoded.pts, picture.decoded.time_base
        self._mux_sound(float(frame.pts * frame.time_base))
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def finish(self) -> None:
        """Write what the encoder still holds and the rest of the sound.

        Raises:
            OutputError: no frame was written.
        """
        if self._stream is None:
            raise OutputError("a video needs at least one frame, but there was none")
        self._container.mux(self._stream.encode(None))
        self._mux_sound(float("inf"))

    def _start(self, picture: Picture, width: int, height: int) -> None:
        decoded = picture.decoded if isinstance(picture, video.VideoPicture) else None
        was = None if self._original is None else self._original.streams.video[0]
        codec, options = _codec(self._container.format.name, None if was is None else was.codec_context.name)
        form = _pixel_format(codec, decoded, width, height)
        self._stream = self._container.add_stream(codec, rate=self._rate, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, form
        context = self._stream.codec_context
        rgb = video.library().VideoFormat(form).is_rgb
        context.colorspace = _RGB if rgb else video.BT709 if decoded is None else video.matrix_of(decoded)
        context.color_range = _FULL if rgb or (decoded is not None and video.is_full(decoded)) else _LIMITED
        said = None if was is None else was.codec_context
        for name in ("color_primaries", "color_trc"):
            value = int(getattr(said, name)) if said is not None else video.UNSAID
            setattr(context, name, (int(context.colorspace) or video.BT709) if value == video.UNSAID else value)
        if was is not None:
            context.time_base = was.time_base
            if was.sample_aspect_ratio and picture.frame.width == decoded_width(decoded):
                context.sample_aspect_ratio = was.sample_aspect_ratio
            self._start_sound()

    def _start_sound(self) -> None:
        """Sound is copied as it is coded; what the new file cannot hold is left out."""
        copies = {}
        for stream in self._original.streams.audio:
            with contextlib.suppress(ValueError):
                copies[stream] = self._container.add_stream_from_template(stream)
        if copies:
            self._sound = self._sound_packets(copies)
            self._waiting = next(self._sound, None)

    def _sound_packets(self, copies: dict[Any, Any]) -> Iterator[Any]:
        for packet in self._original.demux(list(copies)):
            if packet.dts is not None:
                seconds = float(packet.dts * packet.time_base)
                packet.stream = copies[packet.stream]
                yield seconds, packet

    def _mux_sound(self, until_s: float) -> None:
        while self._waiting is not None and self._waiting[0] <= until_s:
            self._container.mux(self._waiting[1])
            self._waiting = next(self._sound, None)


def check_size(name: str | Path, size: tuple[int, ...], first: tuple[int, ...]) -> None:
    """Refuse a frame (rows, columns) that is not as large as the first of its video.

    Raises:
        InputError: it is not.
    """
    if size != first:
        raise InputError(
            f"{name} is {size[1]}x{size[0]}, but the first frame is {first[1]}x{first[0]} and a video has one size; "
            "make all frames of one size, or write frames"
        )


def decoded_width(decoded: Any) -> int:
    """Width of a frame as it is stored; 0 of none."""
    return 0 if decoded is None else int(decoded.width)


def _codec(container: str, was: str | None) -> tuple[str, dict[str, str]]:
    """The encoder for a container, of the kind the source had where that is a kind for cutting, and its options."""
    if was == "prores" and container in ("mov", "matroska"):
        return "prores_ks", {}
    if was == "ffv1" and container == "matroska":
        return "ffv1", {}
    return "libx264", {"crf": QUALITY}


def _pixel_format(codec: str, decoded: Any, width: int, height: int) -> str:
    """The source's own where the encoder has it, else the nearest; odd sizes cannot share chroma between pixels."""
    known = {form.name for form in video.library().codec.Codec(codec, "w").video_formats}
    odd = codec == "libx264" and (width % 2 or height % 2)
    if decoded is not None and decoded.format.name in known and not (odd and "444" not in decoded.format.name):
        return decoded.format.name
    if codec == "prores_ks":
        alpha = any(c.is_alpha for c in decoded.format.components)
        return "yuva444p10le" if alpha else "yuv422p10le"
    deep = decoded is not None and video.bits_of(decoded) > 8
    wide = odd or (decoded is not None and decoded.format.is_rgb)
    return f"yuv{'444' if wide else '420'}p{'10le' if deep else ''}"


def _encoded_form(rgb: Floats, form: str, matrix: int, full: bool) -> Any:
    """(H, W, 3) sRGB as a frame in a pixel format."""
    av = video.library()
    height, width = rgb.shape[:2]
    aim = av.VideoFormat(form)
    if aim.is_rgb:
        if aim.components[0].bits <= 8:
            return av.VideoFrame.from_ndarray(to_uint8(rgb), format="rgb24").reformat(format=form)
        values = np.rint(np.clip(rgb, 0, 1) * 65535).astype(np.uint16)
        return av.VideoFrame.from_ndarray(values, format="rgb48le").reformat(format=form)
    frame = av.VideoFrame(width, height, "yuv444p16le")
    for plane, values in zip(frame.planes, video.to_planes(rgb, matrix, full, aim.components[0].bits), strict=True):
        _rows(plane, 2)[:, :width] = values
    color_range = _FULL if full else _LIMITED
    same = {"src_colorspace": 1, "dst_colorspace": 1, "src_color_range": color_range, "dst_color_range": color_range}
    return frame.reformat(format=form, **same)


def _keep(frame: Any, decoded: Any, changed: NDArray[np.bool_]) -> None:
    """Put the source's values where no pixel that shares them changed; alpha never does."""
    if not decoded.format.name.startswith(("yuv", "gbr")):  # the others are not planar
        return
    size = 2 if video.bits_of(decoded) > 8 else 1
    height, width = changed.shape
    for number, (new, old) in enumerate(zip(frame.planes, decoded.planes, strict=True)):
        down, across = -(-height // new.height), -(-width // new.width)
        padded = np.zeros((new.height * down, new.width * across), dtype=bool)
        padded[:height, :width] = changed & (number < 3)
        touched = padded.reshape(new.height, down, new.width, across).any(axis=(1, 3))
        target = _rows(new, size)[:, : new.width]
        target[~touched] = _rows(old, size)[:, : new.width][~touched]


def _rows(plane: Any, size: int) -> NDArray[Any]:
    """A plane's values, padding at the ends of rows included; writing to them changes the plane."""
    kind = np.uint16 if size == 2 else np.uint8
    return np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // size)
