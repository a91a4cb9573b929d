# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of Estimate Lights as a generator of small steps: render the groups of lights, ask the network, solve."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.runtime import ColorTransform, Look
from harmonize_core.runtime.light_match import Floats, LightMatch, LitFrame, Tone, match_lights

from . import model
from .bridge import pixels
from .light_layers import RAMP, REST, LightSpec, read_ramp, render_lights
from .light_rig import find_groups, remember
from .light_settings import GROUPS, applied_at
from .options import ShotOptions, read_options
from .plates import plate_frame
from .progress import Cancelled, Progress, clock
from .renderers import FrameTask, InBackground
from .shot_time import camera_cuts

MOST_FRAMES = 200
"""Estimates of a shot: the pictures of all of them are kept in memory, some 3 MB each."""


class LightJob:
    """One estimate, with the face of `job.Job`: `steps()`, `progress` and `cancelled`."""

    def __init__(self, options: ShotOptions, shots: tuple[int, ...], *, interactive: bool) -> None:
        self.options, self.shots = options, shots
        self.progress = Progress(len(options.frames))
        self.cancelled = False
        self.match: LightMatch | None = None
        scene = bpy.data.scenes[options.scene]
        groups = find_groups(scene, options.cast)
        self.groups = groups.names
        """The groups that there is light in; rows of the match."""
        self.fixed = len(groups.fixed)
        if not self.groups:
            raise InputError(
                "The scene has no lights that can be set (keyframed and linked ones stay as they are) and no world: "
                "press Add Sun and Ambient in the Match Lights panel"
            )
        if scene.harmonize_lights.applied:
            remember(scene, groups)  # what the artist changed since is part of the light as it was
        present = [applied_at(scene.harmonize_lights, frame) for frame in options.frames]
        rows = [GROUPS.index(group) for group in self.groups]
        self._present = np.stack(present)[:, rows]
        self._folder = Path(tempfile.mkdtemp(prefix="harmonize_lights_", dir=bpy.app.tempdir or None))
        ramp = "" if options.view is None else str(self._folder / "ramp.png")
        self._spec = LightSpec(options.spec, groups.sun_names, groups.ambient_names, groups.world, ramp)
        self._pool = ThreadPoolExecutor(1) if interactive else None

    def steps(self) -> Generator[Progress]:
        """Do the work, yielding often.

        Raises:
            Cancelled: `cancelled` was set.
            HarmonizeError: something went wrong.
        """
        background: InBackground | None = None
        here: Generator[int] | None = None
        try:
            self.progress.message = "Starting to render"
            yield from self._checkpoint()
            tasks = [self._task(frame) for frame in self.options.frames]
            if self._pool:
                background = InBackground(self._spec, tasks, self._folder, "light_layers")
            else:
                here = render_lights(self._spec, tasks)
            lit = []
            for index, frame in enumerate(self.options.frames):
                started = time.monotonic()
                self.progress.message = f"Rendering the lights of frame {frame}"
                yield from self._checkpoint()
                if here:
                    next(here)
                for _ in background.wait_for(frame) if background else ():
                    yield from self._checkpoint()
                lit.append(self._read(index))
                self.progress.rendered += 1
                self.progress.render_seconds.append(time.monotonic() - started)
            self.progress.message = "Matching the lights"
            yield from self._checkpoint()
            yield from self._solve(lit)
            self.progress.written = self.progress.frames
        finally:
            if background:
                background.close()
            if here:
                here.close()
            if self._pool:
                self._pool.shutdown(wait=True, cancel_futures=True)
            shutil.rmtree(self._folder, ignore_errors=True)

    def gains(self) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]]]:
        """What was found, (2, 3) of sun and ambient light, 1 where there is none: for all frames, and for each."""
        assert self.match is not None
        rows = [GROUPS.index(group) for group in self.groups]
        found = np.ones((1 + len(self.options.frames), len(GROUPS), 3))
        found[0, rows], found[1:, rows] = self.match.gains, self.match.of_frames
        return found[0], dict(zip(self.options.frames, found[1:], strict=True))

    def summary(self) -> str:
        """One sentence about what was found."""
        seconds = clock(time.monotonic() - self.progress.started)
        if self.match is None:
            return f"Stopped after {self.progress.rendered} of {self.progress.frames} frames, nothing was changed"
        before, after = 255 * self.match.before, 255 * self.match.after
        return (
            f"Lights estimated from {self.progress.frames} frames in {seconds}: with them, the characters are "
            f"{after:.1f} of 255 from what fits the background, {before:.1f} without"
        )

    def _solve(self, lit: list[LitFrame]) -> Iterator[Progress]:
        network, _ = model.open_model(self.options.model_path, self.options.threads, self.options.runtime)
        tone = None
        if self._spec.ramp:
            tone = Tone.of(RAMP, srgb_to_linear(read_ramp(Path(self._spec.ramp))))

        def estimate(composite: Floats, mask: Floats) -> Look | ColorTransform:
            if self.cancelled:
                raise Cancelled(self.summary())
            return network.estimate(composite, mask)

        if self._pool is None:
            self.match = match_lights(lit, estimate, tone=tone, shots=self.shots)
            return
        future = self._pool.submit(match_lights, lit, estimate, tone=tone, shots=self.shots)
        while not future.done():
            yield self.progress
        self.match = future.result()

    def _task(self, frame: int) -> FrameTask:
        return FrameTask(frame, tuple((group, str(self._path(group, frame))) for group in (*self.groups, REST)), ())

    def _path(self, group: str, frame: int) -> Path:
        return self._folder / f"{group}_{frame:04d}.exr"

    def _read(self, index: int) -> LitFrame:
        """A frame under the lights as they were, whatever they are set to now."""
        frame = self.options.frames[index]
        read = [pixels.read_layer(self._path(group, frame)) for group in (*self.groups, REST)]
        rest = read[-1]
        lit = np.stack([np.maximum(layer.rgb_linear - rest.rgb_linear, 0) for layer in read[:-1]])
        lit /= self._present[index][:, None, None]
        size = (rest.alpha.shape[0], rest.alpha.shape[1])
        plate = plate_frame(self.options.plate, frame, size, self._folder / "plate.tmp.png")
        return LitFrame(lit.astype(np.float32), rest.rgb_linear, rest.alpha, plate)

    def _checkpoint(self) -> Iterator[Progress]:
        yield self.progress
        if self.cancelled:
            raise Cancelled(self.summary())


def new_light_job(context: bpy.types.Context, *, interactive: bool) -> LightJob:
    """An estimate from the settings.

    Raises:
        HarmonizeError: something is missing; the sentence says what and where to set it.
    """
    settings = context.scene.harmonize_lights
    shot = settings.frames == "SHOT"
    options = read_options(context, animation=shot)
    if options.source.split:
        raise InputError(
            "Match Lights renders the characters by themselves: choose New Render and the Collection of the characters "
            "in the Harmonize panel"
        )
    if options.plate.kind == "rendered":
        raise InputError(
            "The background is rendered with this scene's own lights, so there is nothing to match them to: choose a "
            "picture, a sequence or a movie as background"
        )
    if not shot:
        return LightJob(options, (0,), interactive=interactive)
    every = options.frames
    starts = (0, *camera_cuts(context.scene, every), len(every))
    chosen = [sorted({*range(a, b, settings.step), b - 1}) for a, b in itertools.pairwise(starts)]
    firsts = tuple(int(n) for n in np.cumsum([0, *(len(part) for part in chosen[:-1])]))
    frames = tuple(every[i] for part in chosen for i in part)
    if len(frames) > MOST_FRAMES:
        raise InputError(
            f"The whole shot would be estimated in {len(frames)} frames, more than {MOST_FRAMES}: raise Every in the "
            "Match Lights panel"
        )
    return LightJob(replace(options, frames=frames), firsts, interactive=interactive)
