# SPDX-License-Identifier: Apache-2.0
"""Where one shot of a sequence ends and the next begins: seen in its background, or said by whoever cut it.

Neighbouring frames are compared as small pictures of what is behind the foreground: by the correlation of their detail
over all shifts (Padfield, "Masked Object Registration in the Fourier Domain", IEEE TIP 2012), so that a camera that
pans and a lamp that is switched on leave them alike. A cut is where two frames are unlike each other while the frames
on either side are like theirs, and stay so: one flash is none, and neither is a movement that goes on. Fades and
dissolves are slow changes, not cuts; frames without detail (black) are passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import ConfigError
from harmonize_core.formats.images import read_lines, resize_area, to_uint8

Floats = NDArray[np.float32]
Thumbnail = NDArray[np.uint8]

SIZE = (27, 48)
"""Rows and columns of the small pictures."""

UNLIKE = 0.5
"""Correlation below which two frames may be of different shots."""

ALONE = 0.25
"""How much more alike the frames on either side are, on average: what changes all the time is motion."""

COLORS = 0.03
"""Difference of their colours, in units of the mean brightness, below which frames are of one shot whatever moves."""

BLANK = 0.8 / 255
"""Root mean square of detail, in sRGB, of frames in which nothing can be compared."""

AFTER = 2
"""Further frames that must be unlike the one before a cut: a flash is shorter."""

_OVERLAP = 0.4
_QUANTILES = np.linspace(0.05, 0.95, 10)


def thumbnail(srgb: Floats, mask: Floats) -> Thumbnail:
    """The small picture of a frame's background: (27, 48, 4) of sRGB, and of how much of each pixel is background.

    Args:
        srgb: (H, W, 3).
        mask: (H, W) in [0, 1], 1 = foreground.
    """
    behind = 1 - np.clip(mask, 0, 1)
    if behind.mean() < 0.02:  # a picture without background is compared by itself
        behind = np.ones_like(behind)
    share = resize_area(behind, SIZE)
    colors = resize_area(np.clip(srgb, 0, 1) * behind[..., None], SIZE) / np.maximum(share, 1e-3)[..., None]
    return to_uint8(np.concatenate([colors, share[..., None]], axis=2))


def cuts(thumbnails: Sequence[Thumbnail]) -> tuple[int, ...]:
    """The first frames of all shots, beginning with 0, of `thumbnail` of each frame in order."""
    details = [_detail(t) for t in thumbnails]
    seen = [i for i, (values, weight) in enumerate(details) if _strength(values, weight) > BLANK]
    alike = [_alike(details[a], details[b]) for a, b in itertools.pairwise(seen)]
    found = [0]
    for n, value in enumerate(alike):
        before, after = seen[n], seen[n + 1]
        around = [*alike[max(0, n - 2) : n], *alike[n + 1 : n + 3]]
        if value >= UNLIKE or not around or float(np.median(around)) < value + ALONE:
            continue
        later = seen[n + 2 : n + 2 + AFTER]
        if any(_alike(details[before], details[i]) >= UNLIKE for i in later):
            continue
        if _colors_apart(thumbnails[before], thumbnails[after]) >= COLORS:
            found.append((before + after + 1) // 2)
    return tuple(found)


def given(text: str, numbers: Sequence[int]) -> tuple[int, ...]:
    """The first frames of all shots, beginning with 0, from what was written by hand.

    Args:
        text: numbers of the first frames with commas between them, or a file with them (lines may end in # and a word).
        numbers: of all frames, as they are called by the user.

    Raises:
        ConfigError: no numbers, or a frame that is not there.
        InputError: the file cannot be read.
    """
    is_file = not text.replace(",", "").replace(" ", "").isdecimal()
    words = (
        [w for line in read_lines(Path(text)) for w in line.split("#")[0].replace(",", " ").split()]
        if is_file
        else text.replace(",", " ").split()
    )
    if not words or not all(w.isdecimal() for w in words):
        odd = next((w for w in words if not w.isdecimal()), "nothing")
        raise ConfigError(f"--shots should be frame numbers such as 1,49,120, or a file of them, but {text} says {odd}")
    place = {number: i for i, number in enumerate(numbers)}
    missing = [w for w in words if int(w) not in place]
    if missing:
        raise ConfigError(
            f"--shots names frame {missing[0]}, but the frames are {numbers[0]} to {numbers[-1]}"
            f"{'' if len(numbers) == numbers[-1] - numbers[0] + 1 else ' with gaps'}; correct it"
        )
    return tuple(sorted({0, *(place[int(w)] for w in words)}))


def _detail(thumb: Thumbnail) -> tuple[Floats, Floats]:
    """Brightness without what is smooth, so without most of the light, and the weight of each pixel."""
    weight = np.where(thumb[..., 3] > 127, thumb[..., 3] / np.float32(255), 0).astype(np.float32)
    grey = thumb[..., :3].mean(axis=2, dtype=np.float32) / 255
    level = cv2.GaussianBlur(grey * weight, (0, 0), 2.5) / np.maximum(cv2.GaussianBlur(weight, (0, 0), 2.5), 1e-3)
    return ((grey - level) * (weight > 0)).astype(np.float32), weight


def _strength(values: Floats, weight: Floats) -> float:
    total = float(weight.sum())
    return float(np.sqrt((values**2 * weight).sum() / total)) if total > 0 else 0.0


def _alike(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> float:
    """The best correlation, in [-1, 1], over all shifts that leave enough of both frames in common."""
    shape = (2 * SIZE[0], 2 * SIZE[1])

    def spectra(values: Floats, weight: Floats) -> list[NDArray[np.complexfloating]]:
        return [np.fft.rfft2(a, shape) for a in (weight, values * weight, values**2 * weight)]

    (one, sum_one, square_one), (two, sum_two, square_two) = spectra(*first), spectra(*second)

    def correlated(a: NDArray[np.complexfloating], b: NDArray[np.complexfloating]) -> NDArray[np.floating]:
        return np.fft.irfft2(np.conj(a) * b, shape)

    common = correlated(one, two)
    enough = common >= _OVERLAP * max(common.max(), 1)
    safe = np.where(enough, common, 1)
    mean_one, mean_two = correlated(sum_one, two) / safe, correlated(one, sum_two) / safe
    spread_one = correlated(square_one, two) / safe - mean_one**2
    spread_two = correlated(one, square_two) / safe - mean_two**2
    both = correlated(sum_one, sum_two) / safe - mean_one * mean_two
    values = both / np.sqrt(np.maximum(spread_one * spread_two, (BLANK / 4) ** 4))
    return float(np.where(enough, values, -1).max())


def _colors_apart(first: Thumbnail, second: Thumbnail) -> float:
    """How far the distributions of two frames' colours are apart, each in units of its mean brightness."""

    def shape(thumb: Thumbnail) -> NDArray[np.floating]:
        pixels = thumb[thumb[..., 3] > 127][:, :3].astype(np.float64)
        pixels = pixels if len(pixels) else thumb[..., :3].reshape(-1, 3).astype(np.float64)
        return np.quantile(pixels / max(pixels.mean(), 1), _QUANTILES, axis=0)

    return float(np.abs(shape(first) - shape(second)).mean())
