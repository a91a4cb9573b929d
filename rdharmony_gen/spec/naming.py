# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pictures of a view are called in the layouts of stills; every name is a path below the set's root, with "/".

RdHarmony: one mask a view, `<scene>.png`; real `<scene>-<A>.jpg`; composite `<scene>-<A>_<B>.jpg`.
iHarmony4: an image is a view under one style, `<image>` = `<scene>-<A>` with every "_" of the scene as "-", because
released loaders cut names at the first "_" (SamsungLabs/image_harmonization, commit 5f6e613) or at the last two
(bcmi/Image-Harmonization-Dataset-iHarmony4, commit 0bdb51d). Real `<image>.jpg`, mask `<image>_1.png` (the view has
one foreground), composite `<image>_1_<B>.jpg`. The names of clips are in `spec.clip`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from harmonize_core.formats import rdharmony

LayoutName = Literal["rdharmony", "iharmony4", "hyoutube"]
LAYOUTS: tuple[LayoutName, ...] = get_args(LayoutName)
FOREGROUND = 1
"""Number of the foreground in names of the iHarmony4 layout."""


@dataclass(frozen=True)
class ViewNames:
    """Names of one view's pictures; styles are numbers from 1."""

    layout: LayoutName
    folder: str
    """Of the category, for instance `SHuman`."""
    scene_id: str
    suffix: str
    """Of real images and composites, for instance `.jpg`."""

    def real(self, style: int) -> str:
        if self.layout == "iharmony4":
            return f"{self.folder}/real_images/{self._image(style)}{self.suffix}"
        return f"{self.folder}/real_images/{rdharmony.real_name(self.scene_id, style, self.suffix)}"

    def composite(self, bg_style: int, fg_style: int) -> str:
        if self.layout == "iharmony4":
            name = f"{self._image(bg_style)}_{FOREGROUND}_{fg_style}{self.suffix}"
        else:
            name = rdharmony.composite_name(self.scene_id, bg_style, fg_style, self.suffix)
        return f"{self.folder}/composite_images/{name}"

    def mask(self, bg_style: int) -> str:
        """The mask of composites on this background; RdHarmony has one for all of them."""
        name = rdharmony.mask_name(self.scene_id)
        if self.layout == "iharmony4":
            name = f"{self._image(bg_style)}_{FOREGROUND}.png"
        return f"{self.folder}/masks/{name}"

    def alpha(self, subject: int = 0) -> str:
        """Soft coverage, one a view in either layout; of one subject, from 1, where a view has several."""
        own = f"_s{subject}" if subject else ""
        return f"{self.folder}/alpha/{rdharmony.mask_name(self.scene_id + own)}"

    def _image(self, style: int) -> str:
        return f"{self.scene_id.replace('_', '-')}-{style}"
