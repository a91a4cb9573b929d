# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of a run as a generator of small steps: render the characters, estimate their looks, write the pictures.

The same steps run in the window (one per timer tick, long ones in a thread or in a background Blender) and headless
(one after the other). What is finished is on disk with a key of everything it depends on (`shot_files.py`), so a run
that was cancelled, killed or changed in strength continues where it can. A frame is written as soon as the frames
around it, which its smoothing needs, are estimated, and once more at the end of its shot if all frames together say
otherwise. Characters that have looks of their own go through all of it side by side.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from harmonize_core.errors import HarmonizeError, InputError
from harmonize_core.runtime import ColorTransform
from harmonize_core.runtime.parts import total_coverage, untouched
from harmonize_core.runtime.pieces import Pixels
from harmonize_core.runtime.shot_timing import Estimate, SteadyShot, Transform
from harmonize_core.runtime.temporal import mixed

from . import layers, model, shot_time, small_pictures
from .bridge.files import why_not_written
from .model import Network
from .options import ShotOptions
from .pictures import Held, Pictures, with_shadow
from .plates import plate_picture
from .progress import Cancelled, Progress, clock
from .renderers import FrameTask, Here, InBackground
from .shot_files import ShotFiles

Steady = dict[str, SteadyShot]
"""By the name of the layer."""


class Job:
    """One run. `steps()` does the work; between its steps the caller may redraw, or set `cancelled`."""

    def __init__(self, options: ShotOptions, *, interactive: bool) -> None:
        self.options = options
        self.interactive = interactive
        self.progress = Progress(len(options.frames))
        self.cancelled = False
        self.files = ShotFiles(options)
        self.files.check_targets()
        self._pool = ThreadPoolExecutor(1) if interactive else None
        self._timing = shot_time.timing_of(options)
        self._looks: dict[str, dict[int, Estimate | None]] = {name: {} for name in options.cast.over}
        self._next = 0
        self._done: set[int] = set()
        self._held = Held()
        self._plate: tuple[object, Pixels] | None = None
        """The background that was read last and what tells it from others: a still is read once."""
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
            network, digest = yield from self._run(
                model.open_model, options.model_path, options.threads, options.runtime
            )
            tasks = self.files.tasks()
            self._missing = {task.frame for task in tasks}
            if tasks:
                self.progress.message = "Starting to render"
                yield from self._checkpoint()
                renderer = self._start_renderer(tasks)
            for index in range(len(options.frames)):
                yield from self._render(index, renderer)
                yield from self._estimate(index, network, digest)
                yield from self._write_known(index)
        finally:
            if renderer:
                renderer.close()
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
            self._held.clear()
            self._plate = None

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
        known = min(len(found) for found in self._looks.values())
        empty = [
            self.options.frames[i] for i in range(known) if all(found[i] is None for found in self._looks.values())
        ]
        if not empty:
            return ""
        shown = ", ".join(str(f) for f in empty[:5]) + (" ..." if len(empty) > 5 else "")
        return f"The characters are not in the picture in frame {shown}: the background was written as it is"

    def _start_renderer(self, tasks: list[FrameTask]) -> Here | InBackground:
        options = self.options
        if self.interactive:
            return InBackground(options.spec, tasks, options.work_folder)
        return Here(options.spec, tasks)

    def _render(self, index: int, renderer: Here | InBackground | None) -> Generator[Progress]:
        """Wait until the layers of a frame are on disk."""
        frame = self.options.frames[index]
        if renderer and frame in self._missing:
            started = time.monotonic()
            self.progress.message = f"Rendering frame {frame}"
            for _ in renderer.wait_for(frame):
                yield from self._checkpoint()
            self.files.store(frame, {"layers": self.files.layers_key(frame), "view": self.options.view})
            self.progress.render_seconds.append(time.monotonic() - started)
        self.progress.rendered += 1
        yield from self._checkpoint()

    def _estimate(self, index: int, network: Network, digest: str) -> Iterator[Progress]:
        """Find the looks of a frame's characters, or read them back."""
        options = self.options
        frame = options.frames[index]
        key = self.files.estimate_key(frame, digest)
        record = self.files.record(frame)
        paths = {name: shot_time.estimate_path(options, frame, name) for name in self._looks}
        if record.get("look") == key and all(path.is_file() for path in paths.values()):
            with contextlib.suppress(InputError):  # damaged ones are made anew
                for name, path in paths.items():
                    self._looks[name][index] = shot_time.read_estimate(path)
                return
        self.progress.message = f"Matching frame {frame}"
        yield from self._checkpoint()
        pictures = yield from self._pictures(index)
        for name, path in paths.items():
            found = yield from self._run(_estimated, network, pictures, name, options.cast.backdrop == "SCENE")
            self._looks[name][index] = found
            shot_time.write_estimate(path, found)
        if options.cast.parts:
            found = yield from self._run(_estimate_of_all, pictures, [self._looks[name][index] for name in paths])
            shot_time.write_estimate(shot_time.estimate_path(options, frame), found)
        self.files.store(frame, {"layers": record["layers"], "view": record.get("view"), "look": key})

    def _write_known(self, index: int) -> Iterator[Progress]:
        """Write the pictures that the estimate of a frame was the last to be needed for.

        Frames that have none yet get a first version as soon as the frames around them are known, so that the artist
        sees how it goes; at the end of a shot its frames are written for good, which few then need.
        """
        shot = self._timing.shot(index)
        if index + 1 == shot.stop:
            steady = self._steady(shot)
            for i in shot:
                yield from self._write(i, steady)
            self._next = shot.stop
            return
        while self._next in shot and (around := self._timing.around(self._next))[-1] <= index:
            if "result" not in self.files.record(self.options.frames[self._next]):
                yield from self._write(self._next, self._steady(around))
            self._next += 1

    def _steady(self, frames: Iterable[int]) -> Steady:
        return {name: SteadyShot(self._timing, {i: found[i] for i in frames}) for name, found in self._looks.items()}

    def _write(self, index: int, steady: Steady) -> Iterator[Progress]:
        """Write the pictures of a frame unless the same ones are there; the background where no character is."""
        frame = self.options.frames[index]
        looks = {
            name: (shot.transform(index) or ColorTransform.identity()).scaled(self.options.strength(index, name))
            for name, shot in steady.items()
        }
        record, key = self.files.record(frame), self.files.result_key(frame, looks)
        if record.get("result") == key and self.files.has_results(frame):
            self.progress.kept += index not in self._done
        else:
            started = time.monotonic()
            self.progress.message = f"Writing frame {frame}"
            yield from self._checkpoint()
            pictures = yield from self._pictures(index)
            yield from self._run(self.files.write_results, frame, pictures, looks)
            self.files.store(frame, {**record, "result": key})
            self.progress.write_seconds.append(time.monotonic() - started)
        self._held.drop(index)
        self._done.add(index)
        self.progress.written = len(self._done)
        yield from self._checkpoint()

    def _pictures(self, index: int) -> Generator[Progress, None, Pictures]:
        """What a frame is made of; kept in memory until it is written, if there is room."""
        held = self._held.get(index)
        if held is not None:
            return held
        options, frame = self.options, self.options.frames[index]
        characters = {}
        for name in options.cast.over:
            characters[name] = self.files.read_cut(name, frame)
            yield self.progress
        plate = self._plate_of(frame, characters[options.cast.over[0]].size)
        yield from self._run(small_pictures.keep_plate, options, frame, plate)
        shown = dict(characters)
        if layers.SHADOWS in self.files.names:
            shown[layers.SHADOWS] = self.files.read_cut(layers.SHADOWS, frame)
            plate = yield from self._run(with_shadow, plate, shown[layers.SHADOWS])
        for name, cut in shown.items():
            path = self.files.layer_path(name, frame)
            yield from self._run(small_pictures.keep_layer, path, cut if options.view is None else None)
        materials = yield from self._run(self.files.read_spared, frame, characters)
        pictures = Pictures(characters, plate, materials)
        self._held.keep(index, pictures)
        return pictures

    def _plate_of(self, frame: int, size: tuple[int, int]) -> Pixels:
        """The background of a frame; the one that was read last if it is the same."""
        plate = self.options.plate
        shown = frame if plate.moves else plate.first_frame
        known = (*map(str, plate.fingerprint(shown)), str(plate.path(shown)), size)
        if self._plate is None or self._plate[0] != known:
            self._plate = (known, plate_picture(plate, frame, size, self.options.work_folder / "plate.tmp.png"))
        return self._plate[1]

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


def _estimated(network: Network, pictures: Pictures, name: str, holes: bool) -> Estimate | None:
    """What the network says of one layer before the background; None: it is empty.

    Other characters do not fit yet and are left out, unless the background has holes where they are.
    """
    layer = pictures.characters[name]
    if not layer.alpha.any():
        return None
    parts = pictures.parts({}) if holes else [pictures.part(name, ColorTransform.identity())]
    composite, alpha = untouched(parts, pictures.plate), layer.framed(layer.alpha)
    return Estimate.of(network.estimate(composite, alpha, checked=True), composite, alpha)


def _estimate_of_all(pictures: Pictures, estimates: list[Estimate | None]) -> Estimate | None:
    """One estimate for all characters together, each counting by what it covers: for tools that know of one look."""
    covers = [float(layer.alpha.sum()) for layer in pictures.characters.values()]
    known = [(estimate, cover) for estimate, cover in zip(estimates, covers, strict=True) if estimate is not None]
    if not known:
        return None
    weights = np.array([cover for _, cover in known])
    transform: Transform = mixed([estimate.transform for estimate, _ in known], weights / weights.sum())
    parts = pictures.parts({})
    return Estimate.of(transform, untouched(parts, pictures.plate), total_coverage(parts, pictures.size))
