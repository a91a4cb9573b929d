# SPDX-License-Identifier: GPL-3.0-or-later
"""What a frame is made of, as it is held in memory: cut to what it shows, in as few bytes as hold it exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.compositing import over
from harmonize_core.runtime import ColorTransform
from harmonize_core.runtime.exr_layer import Cut
from harmonize_core.runtime.parts import Part
from harmonize_core.runtime.pieces import Pixels, floats_of
from harmonize_core.runtime.shot_timing import Transform

Floats = NDArray[np.float32]

MOST = 192 << 20
"""Bytes of pictures that wait to be written; what is more is read again when its turn comes."""


@dataclass(frozen=True)
class Pictures:
    """What a frame is made of."""

    characters: dict[str, Cut]
    """By the name of their layer."""
    plate: Pixels
    """(H, W, 3) sRGB, uint8 or floats in [0, 1], shadows in it."""
    spared: dict[str, Floats]
    """Coverage (h, w) of the materials that change less in a layer's box, by its name; empty where there are none."""

    def parts(self, looks: dict[str, Transform]) -> list[Part]:
        """The layers with what is done to them; nothing where no look is given."""
        return [self.part(name, looks.get(name, ColorTransform.identity())) for name in self.characters]

    def part(self, name: str, look: Transform) -> Part:
        """One layer with what is done to it."""
        cut = self.characters[name]
        return Part(cut.rgb_linear, cut.alpha, look, self.spared.get(name), at=(cut.box[0], cut.box[2]))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.plate.shape[0], self.plate.shape[1]

    @property
    def bytes(self) -> int:
        """Of memory."""
        layers = sum(cut.planes.nbytes + cut.alpha.nbytes for cut in self.characters.values())
        return layers + self.plate.nbytes + sum(cover.nbytes for cover in self.spared.values())


@dataclass
class Held:
    """Pictures of frames that are estimated and not written yet, as many as may be held."""

    most: int = MOST
    _by_frame: dict[int, Pictures] = field(default_factory=dict)

    def get(self, index: int) -> Pictures | None:
        """Those of a frame, if they are held."""
        return self._by_frame.get(index)

    def keep(self, index: int, pictures: Pictures) -> None:
        """Hold those of one more frame; the ones before it stay, as their turn comes sooner, but for the newest."""
        waiting = list(self._by_frame)
        while waiting and pictures.bytes + sum(held.bytes for held in self._by_frame.values()) > self.most:
            del self._by_frame[waiting.pop()]
        self._by_frame[index] = pictures

    def drop(self, index: int) -> None:
        """Forget those of a frame."""
        self._by_frame.pop(index, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._by_frame.clear()


def with_shadow(plate: Pixels, shadow: Cut) -> Pixels:
    """The plate with a shadow layer over it in linear light; its bits stay where there is no shadow."""
    top, bottom, left, right = shadow.box
    if not shadow.alpha.any():
        return plate
    shaded = floats_of(plate)
    under, alpha = shaded[top:bottom, left:right], shadow.alpha
    light = over(shadow.rgb_linear.astype(np.float32), alpha, srgb_to_linear(under))
    shaded[top:bottom, left:right] = np.where(alpha[..., None] > 0, np.clip(linear_to_srgb(light), 0, 1), under)
    return shaded
