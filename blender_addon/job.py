# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of a run as a generator of small steps: render the characters, estimate the look, write the pictures.

The same steps run in the window (one per timer tick, long ones in a thread or in a background Blender) and headless
(one after the other). What is finished is on disk with a key of everything it depends on, so a run that was cancelled,
killed or changed in strength continues where it can. A frame is written as soon as the frames around it, which its
smoothing needs, are estimated, and once more at the end of its shot if all frames together say otherwise.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import over
from harmonize_core.errors import HarmonizeError
from harmonize_core.runtime import ColorTransform, harmonize_layers
from harmonize_core.runtime.shot_timing import Estimate, SteadyShot, Transform

from . import layers, model, shot_time
from .bridge import pixels
from .bridge.files import encode_exr, encode_png, why_not_written, write_atomic
from .model import Network
from .options import ShotOptions
from .plates import plate_frame
from .renderers import FrameTask, Here, InBackground

Floats = NDArray[np.float32]


@dataclass
class Progress:
    """How far a run is; the panel shows it."""

    frames: int
    rendered: int = 0
    written: int = 0
    kept: int = 0
    """Pictures that were finished before and stayed."""
    message: str = ""
    started: float = field(default_factory=time.monotonic)
    _render_seconds: list[float] = field(default_factory=list)
    _write_seconds: list[float] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """Done work in [0, 1]; rendering counts most."""
        return (0.8 * self.rendered + 0.2 * self.written) / max(1, self.frames)

    @property
    def seconds_left(self) -> float | None:
        """Expected from the frames that took work so far; None before the first."""
        if not self._render_seconds and not self._write_seconds:
            return None
        render = float(np.mean(self._render_seconds)) if self._render_seconds else 0.0
        write = float(np.mean(self._write_seconds)) if self._write_seconds else 0.0
        return render * (self.frames - self.rendered) + write * (self.frames - self.written)

    def text(self) -> str:
        """One line for people."""
        left = self.seconds_left
        tail = "" if left is None else f", {clock(left)} left"
        return f"{self.message}, {self.written}/{self.frames}{tail}"


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Cancelled(HarmonizeError):
    """The artist stopped the run; everything finished stays."""


class Job:
    """One run. `steps()` does the work; between its steps the caller may redraw, or set `cancelled`."""

    def __init__(self, options: ShotOptions, *, interactive: bool) -> None:
        self.options = options
        self.interactive = interactive
        self.progress = Progress(len(options.frames))
        self.cancelled = False
        self._pool = ThreadPoolExecutor(1) if interactive else None
        self._timing = shot_time.timing_of(options)
        self._looks: dict[int, Estimate | None] = {}
        self._next = 0
        self._done: set[int] = set()
        self._loaded: dict[int, tuple[pixels.Layer, Floats]] = {}
        self._fresh: set[int] = set()
        self._missing: set[int] = set()

    def steps(self) -> Generator[Progress]:
        """Do the work, yielding often.

        Raises:
            Cancelled: `cancelled` was set.
            HarmonizeError: something went wrong; what is finished stays.
        """
        options = self.options
        try:
            options.work_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarmonizeError(why_not_written(options.work_folder, error)) from error
        self.progress.message = "Loading the network"
        yield self.progress
        renderer: Here | InBackground | None = None
        try:
            network, digest = yield from self._run(model.open_model, options.model_path, options.threads)
            names = layers.layer_names(options.cast)
            tasks = self._tasks(names)
            if tasks:
                self.progress.message = "Starting to render"
                yield from self._checkpoint()
                renderer = self._start_renderer(tasks)
            for index in range(len(options.frames)):
                yield from self._render(index, names, renderer)
                yield from self._estimate(index, names, network, digest)
                yield from self._write_known(index, names)
        finally:
            if renderer:
                renderer.close()
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
            self._loaded.clear()

    def summary(self, verb: str) -> str:
        """One sentence about what was done."""
        done = self.progress
        kept = f", {done.kept} of them from before" if done.kept else ""
        seconds = clock(time.monotonic() - done.started)
        text = f"{verb}: {done.written} of {done.frames} frames{kept} in {seconds}, in {self.options.folder}"
        if done.written == done.frames:
            return text
        return f"{text}; {done.rendered} are rendered, run again to continue"

    @property
    def without_characters(self) -> str:
        """A sentence when frames showed no characters, else empty."""
        empty = [self.options.frames[i] for i, look in self._looks.items() if look is None]
        if not empty:
            return ""
        shown = ", ".join(str(f) for f in empty[:5]) + (" ..." if len(empty) > 5 else "")
        return f"The characters are not in the picture in frame {shown}: the background was written as it is"

    def _tasks(self, names: list[str]) -> list[FrameTask]:
        """Frames whose layers are not on disk with the same settings, and what is missing of them."""
        tasks = []
        for frame in self.options.frames:
            record = self._record(frame)
            exrs = [(name, str(self._layer_path(name, frame))) for name in names]
            pngs = [(path, str(Path(path).with_suffix(".png"))) for _, path in exrs]
            rendered = record.get("layers") == self._layers_key(names) and all(Path(p).is_file() for _, p in exrs)
            viewed = rendered and record.get("view") == self.options.view and all(Path(p).is_file() for _, p in pngs)
            missing = () if rendered else tuple(exrs)
            shown = () if viewed or self.options.view is None else tuple(pngs)
            if missing or shown:
                tasks.append(FrameTask(frame, missing, shown))
                self._missing.add(frame)
                if missing:
                    self._store(frame, {})
        return tasks

    def _start_renderer(self, tasks: list[FrameTask]) -> Here | InBackground:
        options = self.options
        if self.interactive:
            return InBackground(options.spec, tasks, options.work_folder)
        return Here(options.spec, tasks)

    def _layers_key(self, names: list[str]) -> str:
        return _key(self.options.render_fingerprint, names)

    def _render(self, index: int, names: list[str], renderer: Here | InBackground | None) -> Generator[Progress]:
        """Wait until the layers of a frame are on disk."""
        frame = self.options.frames[index]
        if renderer and frame in self._missing:
            started = time.monotonic()
            self.progress.message = f"Rendering frame {frame}"
            for _ in renderer.wait_for(frame):
                yield from self._checkpoint()
            self._store(frame, {"layers": self._layers_key(names), "view": self.options.view})
            self.progress._render_seconds.append(time.monotonic() - started)
        self.progress.rendered += 1
        yield from self._checkpoint()

    def _estimate(self, index: int, names: list[str], network: Network, digest: str) -> Iterator[Progress]:
        """Find the colour transform of a frame, or read it back."""
        options = self.options
        frame = options.frames[index]
        record = self._record(frame)
        dates = [self._layer_path(n, frame).stat().st_mtime_ns for n in names]
        key = _key(2, record["layers"], dates, digest, options.plate.fingerprint(frame), options.view)
        path = shot_time.estimate_path(options, frame)
        if record.get("look") == key and path.is_file():
            self._looks[index] = shot_time.read_estimate(path)
            return
        self.progress.message = f"Matching frame {frame}"
        yield from self._checkpoint()
        layer, plate = yield from self._pictures(index, names)
        found: Estimate | None = None
        if layer.alpha.max() > 0:
            composite = yield from self._run(
                harmonize_layers, ColorTransform.identity(), layer.rgb_linear, layer.alpha, plate
            )
            look = yield from self._run(network.estimate, composite, layer.alpha)
            found = yield from self._run(Estimate.of, look, composite, layer.alpha)
        self._looks[index] = found
        shot_time.write_estimate(path, found)
        self._store(frame, {"layers": record["layers"], "view": record.get("view"), "look": key})

    def _write_known(self, index: int, names: list[str]) -> Iterator[Progress]:
        """Write the pictures that the estimate of a frame was the last to be needed for.

        Frames that have none yet get a first version as soon as the frames around them are known, so that the artist
        sees how it goes; at the end of a shot its frames are written for good, which few then need.
        """
        shot = self._timing.shot(index)
        if index + 1 == shot.stop:
            steady = SteadyShot(self._timing, {i: self._looks[i] for i in shot})
            for i in shot:
                yield from self._write(i, names, steady)
            self._next = shot.stop
            return
        while self._next in shot and (around := self._timing.around(self._next))[-1] <= index:
            if "result" not in self._record(self.options.frames[self._next]):
                steady = SteadyShot(self._timing, {i: self._looks[i] for i in around})
                yield from self._write(self._next, names, steady)
            self._next += 1

    def _write(self, index: int, names: list[str], steady: SteadyShot) -> Iterator[Progress]:
        """Write the pictures of a frame unless the same ones are there; the background where no character is."""
        options = self.options
        frame = options.frames[index]
        look = (steady.transform(index) or ColorTransform.identity()).scaled(options.strengths[index])
        record = self._record(frame)
        key = _key(record["look"], _digest(look), options.file_format)
        wanted = [options.result_path(frame)] + [options.composite_path(frame)] * options.write_composite
        if record.get("result") == key and all(p.is_file() for p in wanted):
            self.progress.kept += index not in self._done
        else:
            started = time.monotonic()
            self.progress.message = f"Writing frame {frame}"
            yield from self._checkpoint()
            layer, plate = yield from self._pictures(index, names)
            yield from self._run(self._write_pictures, frame, look, layer, plate)
            self._store(frame, {**record, "result": key})
            self.progress._write_seconds.append(time.monotonic() - started)
        self._loaded.pop(index, None)
        self._done.add(index)
        self.progress.written = len(self._done)
        yield from self._checkpoint()

    def _write_pictures(self, frame: int, look: Transform, layer: pixels.Layer, plate: Floats) -> None:
        pictures: list[tuple[Path, Transform]] = [(self.options.result_path(frame), look)]
        if self.options.write_composite:
            pictures.append((self.options.composite_path(frame), ColorTransform.identity()))
        for path, transform in pictures:
            picture = harmonize_layers(transform, layer.rgb_linear, layer.alpha, plate)
            if self.options.file_format == "EXR":
                write_atomic(path, encode_exr(srgb_to_linear(picture)))
            else:
                write_atomic(path, encode_png(picture, 16 if self.options.file_format == "PNG16" else 8))

    def _pictures(self, index: int, names: list[str]) -> Generator[Progress, None, Any]:
        """Returns (characters layer, plate with shadows) of a frame; kept in memory for a few frames only."""
        if index in self._loaded:
            return self._loaded[index]
        frame = self.options.frames[index]
        layer = self._read_layer(layers.CHARACTERS, frame)
        yield self.progress
        size = (layer.alpha.shape[0], layer.alpha.shape[1])
        plate = plate_frame(self.options.plate, frame, size, self.options.work_folder / "plate.tmp.png")
        yield self.progress
        if layers.SHADOWS in names:
            shadow = self._read_layer(layers.SHADOWS, frame)
            plate = yield from self._run(_with_shadow, plate, shadow)
        if len(self._loaded) >= 2:
            self._loaded.pop(next(iter(self._loaded)))
        self._loaded[index] = (layer, plate)
        return layer, plate

    def _read_layer(self, name: str, frame: int) -> pixels.Layer:
        path = self._layer_path(name, frame)
        return pixels.read_layer(path) if self.options.view is None else pixels.read_view(path.with_suffix(".png"))

    def _layer_path(self, name: str, frame: int) -> Path:
        return self.options.work_folder / f"{name}_{frame:04d}.exr"

    def _record(self, frame: int) -> dict[str, Any]:
        """What is known to be finished of a frame; everything is forgotten when the run is to start over."""
        path = self.options.work_folder / f"frame_{frame:04d}.json"
        if not self.options.skip_finished and frame not in self._fresh:
            return {}
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError):
            return {}

    def _store(self, frame: int, record: dict[str, Any]) -> None:
        self._fresh.add(frame)
        write_atomic(self.options.work_folder / f"frame_{frame:04d}.json", json.dumps(record).encode())

    def _checkpoint(self) -> Iterator[Progress]:
        yield self.progress
        if self.cancelled:
            raise Cancelled(self.summary("Cancelled"))

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Generator[Progress, None, Any]:
        """Returns the result of pure NumPy work, done in a thread while the window stays alive."""
        if self._pool is None:
            return function(*arguments)
        future = self._pool.submit(function, *arguments)
        while not future.done():
            yield self.progress
        return future.result()


def _with_shadow(plate: Floats, shadow: pixels.Layer) -> Floats:
    """The plate with a shadow layer over it in linear light; its bits stay where there is no shadow."""
    shaded = linear_to_srgb(over(shadow.rgb_linear, shadow.alpha, srgb_to_linear(plate)))
    return np.where(shadow.alpha[..., None] > 0, np.clip(shaded, 0, 1), plate)


def _digest(look: Transform) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in vars(look).values())).hexdigest()


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]
