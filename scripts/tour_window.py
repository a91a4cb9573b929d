# SPDX-License-Identifier: Apache-2.0
"""Inside a Blender with a window: what a tour of it needs, pictures, simulated mouse and keys, and waiting.

A tour is a row of stops, generators that Blender's timer takes step by step, so the window lives on between the steps
as it does under an artist's hands. They yield seconds to wait, or a function to wait for.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import bpy

ASKED = json.loads(sys.argv[-1])
"""What shoot_addon.py asks for: extension, folder, frames."""

FOLDER = Path(ASKED["folder"])
PATIENCE = 3000
"""Looks, a third of a second apart, after which what was waited for does not come any more."""

Wait = float | Callable[[], object]


def tell(**said: object) -> None:
    """One line for the one who started this."""
    with (FOLDER / "stops.jsonl").open("a") as told:
        told.write(json.dumps(said) + "\n")


def windows() -> list[bpy.types.Window]:
    """All windows, the first one first."""
    return list(bpy.context.window_manager.windows)


def area_of(kind: str, window: bpy.types.Window | None = None) -> bpy.types.Area:
    """The largest area of a type."""
    found = [a for a in (window or windows()[0]).screen.areas if a.type == kind]
    return max(found, key=lambda a: a.width * a.height)


def region_of(area: bpy.types.Area, kind: str = "WINDOW") -> bpy.types.Region:
    """Its region of a type."""
    return next(r for r in area.regions if r.type == kind)


def inside(area: bpy.types.Area, region: str = "WINDOW", window: bpy.types.Window | None = None) -> Any:
    """Context of the mouse over an area."""
    window = window or windows()[0]
    return bpy.context.temp_override(window=window, area=area, region=region_of(area, region))


def shot(
    name: str, areas: Sequence[bpy.types.Area | bpy.types.Region] = (), window: bpy.types.Window | None = None
) -> Generator[Wait]:
    """Have a picture of a window taken, cut to areas or regions if any are given; the one who started this takes it."""
    window = window or windows()[0]
    for area in window.screen.areas:
        area.tag_redraw()
    yield 1.5
    left, bottom, right, top = 0, 0, window.width, window.height
    if areas:
        left, bottom = min(a.x for a in areas), min(a.y for a in areas)
        right, top = max(a.x + a.width for a in areas), max(a.y + a.height for a in areas)
    box = [window.x + left, window.y + bottom, right - left, top - bottom]
    tell(picture=name, box=box)
    yield (FOLDER / f"{name}.png").is_file


def click(kind: str, value: str, place: tuple[int, int], window: bpy.types.Window | None = None) -> None:
    """A mouse or key event at a place of a window."""
    (window or windows()[0]).event_simulate(type=kind, value=value, x=int(place[0]), y=int(place[1]))


def press(key: str, place: tuple[int, int], **held: bool) -> None:
    """Press and let go of a key with the mouse at a place of the first window; `ctrl=True` holds that, too."""
    for value in ("PRESS", "RELEASE"):
        windows()[0].event_simulate(type=key, value=value, x=int(place[0]), y=int(place[1]), **held)


def middle(area: bpy.types.Area) -> tuple[int, int]:
    """Of its window region."""
    region = region_of(area)
    return region.x + region.width // 2, region.y + region.height // 2


class Walk:
    """Takes a tour, one step at each tick of the timer; where a stop fails, the next is tried all the same."""

    def __init__(self, stops: Sequence[Callable[[], Generator[Wait]]]) -> None:
        self.left = list(stops)
        self.steps: Generator[Wait] | None = None
        self.wait: Callable[[], object] | None = None
        self.looked = 0

    def tick(self) -> float | None:
        """One step, unless what is waited for is not there yet."""
        try:
            return self.step()
        except Exception:
            tell(error=traceback.format_exc())
            self.steps = self.wait = None
            return 0.5

    def step(self) -> float | None:
        """Seconds to the next; None at the end."""
        if self.wait is not None and not self.wait():
            self.looked += 1
            if self.looked > PATIENCE:
                raise TimeoutError("what was waited for did not come")
            return 0.3
        self.looked, self.wait = 0, None
        if self.steps is None:
            if not self.left:
                tell(end=bpy.app.version_string)
                bpy.context.preferences.view.use_save_prompt = False
                bpy.ops.wm.quit_blender()
                return None
            self.steps = self.left.pop(0)()
        try:
            step = next(self.steps)
        except StopIteration:
            self.steps = None
            return 0.1
        if callable(step):
            self.wait = step
            return 0.3
        return step
