# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clip is to be, as its job says, and what its files are called (`harmonize_core.formats.hyoutube`)."""

from __future__ import annotations

from dataclasses import dataclass

from harmonize_core.formats import hyoutube

FPS = 24
"""Frames a second."""
FRAMES = (2, 200)
"""How many a clip may have."""
MAX_PAIRS = 9_900
SUFFIX = ".jpg"


@dataclass(frozen=True)
class ClipPlan:
    """The part of a render job that stills do not have."""

    frames: int
    pairs: tuple[tuple[int, int], ...]
    """Style numbers (background, foreground) of the composite videos."""


@dataclass(frozen=True)
class ClipNames:
    """Names of one view's videos, as paths below the set's root; styles are numbers from 1."""

    folder: str
    """Of the category, for instance `SHuman`."""
    scene_id: str

    @property
    def view(self) -> str:
        """`SHuman_park_00_v003`: unlike in any other view, because the layout has no folders for categories."""
        return f"{self.folder}_{self.scene_id}"

    def video(self, style: int) -> str:
        """Name of the view under one style."""
        return f"{self.view}-{style}"

    @staticmethod
    def thing(fg_style: int) -> str:
        """The foreground as it looks under a style: what the layout calls an object."""
        return f"object_{fg_style}"

    def real(self, style: int) -> str:
        return hyoutube.real_folder(self.video(style))

    def mask(self, bg_style: int, fg_style: int) -> str:
        return hyoutube.mask_folder(self.video(bg_style), self.thing(fg_style))

    def composite(self, bg_style: int, fg_style: int) -> str:
        return hyoutube.composite_folder(self.video(bg_style), self.thing(fg_style))

    def alpha(self) -> str:
        """Soft coverage, ours: one a view, the same under every style."""
        return f"alpha/{self.view}"


def frame_folder(index: int) -> str:
    """Where the renders of a frame are, below those of their view; called as the frame's pictures."""
    return hyoutube.frame_name(index, "")


def frames_of(folder: str, count: int, suffix: str = SUFFIX) -> list[str]:
    """All files of one video."""
    return [f"{folder}/{hyoutube.frame_name(i, suffix)}" for i in range(count)]
