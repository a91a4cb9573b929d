# SPDX-License-Identifier: GPL-3.0-or-later
"""Export of a shot as training data: its frames one after the other, each in several lights (`export_frame`).

In the window a background Blender does all of it on a copy of the file; without one, this process does. Frames that are
finished are kept, and a stopped export goes on after them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy

from . import layers, triplet_set
from .bridge.files import write_atomic
from .export_frame import NotSeen, before_plate, before_scene
from .export_styles import Style
from .linked import find_collection
from .plates import Plate, plate_frame
from .progress import Cancelled, Progress, clock
from .renderers import InBackground


@dataclass(frozen=True)
class ExportPlan:
    """One export, as JSON for the background Blender."""

    scene: str
    view_layer: str
    characters: str
    library: str
    """File that the characters' collection is linked from; empty where it is not."""
    cut: bool
    plate: Plate | None
    """The background where it is not rendered."""
    frames: tuple[int, ...]
    styles: tuple[Style, ...]
    root: str
    """Folder of the set."""
    place: str
    category: str
    split: str
    neutral: bool
    """The scene shows linear light as plain sRGB."""
    skip_finished: bool
    settings: tuple[Any, ...]
    """What changes rendered pictures, as far as it can be told."""

    @property
    def backdrop(self) -> str:
        """As of `layers.Cast`."""
        return "" if self.plate else "SCENE"

    @property
    def scratch(self) -> Path:
        """Folder for what is rendered, emptied after each frame."""
        return Path(self.root) / triplet_set.STATE / "render"

    def view_id(self, frame: int) -> tuple[str, str]:
        """Category and name of a frame's view."""
        return self.category, triplet_set.View(self.category, self.place, frame, self.split, {}, {}, {}).scene_id

    def key(self, frame: int) -> str:
        """Of everything that the pictures of a frame depend on."""
        plate = self.plate.fingerprint(frame) if self.plate else None
        parts = [self.settings, self.cut, self.split, self.neutral, plate, [asdict(style) for style in self.styles]]
        return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExportPlan:
        """The same again from `dataclasses.asdict` and JSON."""
        known: dict[str, Any] = {**data, "frames": tuple(data["frames"]), "settings": tuple(data["settings"])}
        known["plate"] = Plate(**data["plate"]) if data["plate"] else None
        known["styles"] = tuple(Style(**style) for style in data["styles"])
        return cls(**known)


class ExportJob:
    """One export, with the face of `job.Job`: `steps()`, `progress` and `cancelled`."""

    def __init__(self, plan: ExportPlan, *, interactive: bool) -> None:
        self.plan = plan
        self.interactive = interactive
        self.progress = Progress(len(plan.frames))
        self.cancelled = False
        self.counts = (0, 0)
        """Views and composites of the set in the end."""

    def steps(self) -> Generator[Progress]:
        """Do the work, yielding often.

        Raises:
            Cancelled: `cancelled` was set; what is finished is listed.
            HarmonizeError: something went wrong; what is finished stays.
        """
        plan = self.plan
        runner: InBackground | _Here | None = None
        write_atomic(plan.scratch / "README.txt", b"Rendered layers of an export; may be deleted.\n")
        try:
            todo = [f for f in plan.frames if not is_finished(plan, f)]
            self.progress.kept = len(plan.frames) - len(todo)
            self.progress.rendered = self.progress.written = self.progress.kept
            yield self.progress
            for frame in todo:
                self.progress.message = f"Exporting frame {frame}"
                yield from self._checkpoint()
                if runner is None:
                    runner = InBackground(plan, [], plan.scratch, "export_worker") if self.interactive else _Here(plan)
                started = time.monotonic()
                for _ in runner.wait_for(frame):
                    yield from self._checkpoint()
                self.progress.render_seconds.append(time.monotonic() - started)
                self.progress.rendered += 1
                self.progress.written += 1
            yield from self._checkpoint()
        finally:
            if runner:
                runner.close()
            self.counts = list_set(plan)

    def summary(self) -> str:
        """One sentence about what was done."""
        done, (views, composites) = self.progress, self.counts
        kept = f", {done.kept} of them from before" if done.kept else ""
        seconds = clock(time.monotonic() - done.started)
        return (
            f"Exported {done.written} of {done.frames} frames{kept} in {seconds}: {self.plan.root} holds {views} views "
            f"and {composites} composites"
        )

    @property
    def without_characters(self) -> str:
        """A sentence when frames showed no characters, else empty."""
        plan = self.plan
        empty = [f for f in plan.frames if triplet_set.is_empty(Path(plan.root), plan.view_id(f))]
        if not empty:
            return ""
        shown = ", ".join(str(f) for f in empty[:5]) + (" ..." if len(empty) > 5 else "")
        return f"The characters are not in the picture in frame {shown}: left out of the export"

    def _checkpoint(self) -> Iterator[Progress]:
        yield self.progress
        if self.cancelled:
            self.counts = list_set(self.plan)
            raise Cancelled(f"{self.summary()}; run again to continue")


class _Here:
    """Renders and writes in this process, one frame at a time, when it is waited for."""

    def __init__(self, plan: ExportPlan) -> None:
        self._frames = export_frames(plan)
        self._done: set[int] = set()

    def wait_for(self, frame: int) -> Iterator[None]:
        """Returns when the frame is written."""
        while frame not in self._done:
            self._done.add(next(self._frames))
            yield

    def close(self) -> None:
        """Remove the temporary scene."""
        self._frames.close()


def is_finished(plan: ExportPlan, frame: int) -> bool:
    """Whether a frame needs nothing more."""
    return plan.skip_finished and triplet_set.is_finished(Path(plan.root), plan.view_id(frame), plan.key(frame))


def list_set(plan: ExportPlan) -> tuple[int, int]:
    """Make the lists of the whole set anew; returns (views, composites). Without any nothing is left of it."""
    if triplet_set.drop_if_empty(Path(plan.root)):
        return 0, 0
    engine = "Cycles" if bpy.data.scenes[plan.scene].render.engine == "CYCLES" else "EEVEE"
    name = f"{engine}, Blender {bpy.app.version_string}"
    return triplet_set.write_lists(Path(plan.root), name, "Harmonize extension for Blender")


def export_frames(plan: ExportPlan) -> Generator[int]:
    """Render and write the frames that are not finished; yields each frame's number when it is there.

    Raises:
        HarmonizeError: Blender could not render, or a file could not be written.
    """
    scene = bpy.data.scenes[plan.scene]
    view_layer = scene.view_layers[plan.view_layer]
    characters = find_collection(plan.characters, plan.library)
    cast = layers.sort_cast(scene, view_layer, characters, plan.backdrop)
    with layers.shot_scene(scene, view_layer, cast, plan.cut) as shot:
        for frame in plan.frames:
            if not is_finished(plan, frame):
                try:
                    _export_frame(plan, shot, cast, frame)
                except NotSeen:
                    if len(plan.frames) == 1:
                        raise
                    triplet_set.note_empty(Path(plan.root), plan.view_id(frame), plan.key(frame))
            yield frame


def _export_frame(plan: ExportPlan, shot: bpy.types.Scene, cast: layers.Cast, frame: int) -> None:
    scratch, how = plan.scratch, {"neutral": plan.neutral}
    if plan.plate:
        size = (shot.render.resolution_y, shot.render.resolution_x)
        size = tuple(n * shot.render.resolution_percentage // 100 for n in size)
        plate = plate_frame(plan.plate, frame, size, scratch / "plate.png")
        made = before_plate(shot, cast, plan.styles, frame, scratch, plate, **how)
    else:
        made = before_scene(shot, cast, plan.styles, frame, scratch, **how)
    engine = "cycles" if shot.render.engine == "CYCLES" else "eevee"
    geometry = {
        "file": Path(bpy.data.filepath).name,
        "frame": frame,
        "camera": shot.camera.name if shot.camera else "",
        "renderer": engine,
        "blender": bpy.app.version_string,
        "assets": [],
    }
    view = triplet_set.View(plan.category, plan.place, frame, plan.split, made.conditions, made.exposures, geometry)
    triplet_set.write_view(Path(plan.root), view, plan.key(frame), made.coverage, made.reals, made.composites)
