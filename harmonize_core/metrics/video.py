# SPDX-License-Identifier: Apache-2.0
"""How steady a harmonized clip is: fR-RTC (brightness over time) and TL (difference along the motion).

Frames are (H, W, 3) sRGB in [0, 1] in order of time, masks (H, W) in [0, 1] with 1 = foreground. Numbers are on the
0..255 scale. Published tables are at 256x256.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError
from harmonize_core.metrics.means import mean_of

Frame = NDArray[np.floating]
Flow = Callable[[Frame, Frame], NDArray[np.float32]]
"""(next, current) to (H, W, 2): where in `current` each pixel of `next` comes from, as an (x, y) offset in pixels."""

DESCRIPTION = (
    "fR-RTC: brightness V of the foreground against the real clip's, frame to frame; TL: difference along OpenCV's DIS "
    "optical flow of the real clip (CO2Net's tables use FlowNet2's: not comparable); values 0..255, mean over clips"
)


@dataclass(frozen=True)
class VideoScores:
    """The numbers of one clip (or their means)."""

    fr_rtc: float
    tl: float
    tl_real: float
    """TL of the real clip itself: what motion that the flow misses costs."""

    @classmethod
    def mean(cls, scores: Sequence[VideoScores]) -> VideoScores:
        """Mean of each number over the clips, leaving out what is undefined for a clip (NaN)."""
        return mean_of(cls, scores)


def score_clip(harmonized: Sequence[Frame], real: Sequence[Frame], masks: Sequence[Frame]) -> VideoScores:
    """All numbers of one clip; the real clip itself scores fr_rtc 0 and tl = tl_real.

    Raises:
        InputError: less than two frames, numbers of frames that differ, or shapes that differ.
    """
    _check(harmonized, real, masks)
    flows = [dis_flow(after, before) for before, after in itertools.pairwise(real)]
    return VideoScores(
        fr_rtc=fr_rtc(harmonized, real, masks),
        tl=_temporal_loss(harmonized, real, masks, flows),
        tl_real=_temporal_loss(real, real, masks, flows),
    )


def fr_rtc(harmonized: Sequence[Frame], real: Sequence[Frame], masks: Sequence[Frame]) -> float:
    """Foreground relative-temporal-consistency error of one clip; 0 when brightness changes as the real clip's does.

    With v the mean over the foreground of V = max(R, G, B), d = v[t+1] - v[t], e = |d_harmonized - d_real|:
    mean(e^2 + max(e - mean(e), 0)^2). A constant offset of V does not count. Source: tc_evaluation.py of
    zhenglab/VideoTripletTransformer@bc76c83; there masks are 1-bit, here they weigh by their values. NaN when a frame
    has no foreground.

    Raises:
        InputError: as `score_clip`.
    """
    _check(harmonized, real, masks)
    d_harmonized, d_real = (
        np.diff([_brightness(f, m) for f, m in zip(c, masks, strict=True)]) for c in (harmonized, real)
    )
    error = np.abs(d_harmonized - d_real)
    return float(np.mean(error**2 + np.maximum(error - error.mean(), 0) ** 2))


def temporal_loss(harmonized: Sequence[Frame], real: Sequence[Frame], masks: Sequence[Frame], flow: Flow) -> float:
    """TL of one clip: mean over neighbouring frames of 255^2 sum((w (warp(h_t) - h_{t+1}))^2) / sum(w).

    The flow is that of the real clip, from t+1 back to t; w = warp(mask_t) * mean_c exp(-|warp(real_t) - real_{t+1}|)
    trusts it where it explains the real clip. Summed over the three channels, not averaged. Source:
    CO2Net/scripts/evaluate_flow.py of bcmi/Video-Harmonization-Dataset-HYouTube@dccd636, whose flow is FlowNet2's.
    NaN when no frame has foreground.

    Raises:
        InputError: as `score_clip`.
    """
    _check(harmonized, real, masks)
    return _temporal_loss(harmonized, real, masks, [flow(after, before) for before, after in itertools.pairwise(real)])


def dis_flow(after: Frame, before: Frame) -> NDArray[np.float32]:
    """DIS optical flow (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016), medium preset."""
    grey = [cv2.cvtColor(np.rint(np.clip(f, 0, 1) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for f in (after, before)]
    solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(solver.calc(grey[0], grey[1], None), dtype=np.float32)  # ty: ignore[no-matching-overload]


def warp(image: Frame, flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image (H, W[, C]) sampled bilinearly at every pixel plus its flow; beyond the border the border's pixels."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    source = np.ascontiguousarray(image, dtype=np.float32)
    x, y = x + flow[..., 0], y + flow[..., 1]
    return cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32, copy=False)


def _temporal_loss(
    clip: Sequence[Frame], real: Sequence[Frame], masks: Sequence[Frame], flows: Sequence[NDArray[np.float32]]
) -> float:
    losses = []
    for t, flow in enumerate(flows):
        trust = np.exp(-np.abs(warp(real[t], flow) - real[t + 1])).mean(axis=2)
        weight = (warp(masks[t], flow) * trust).astype(np.float64)
        if weight.sum() > 0:
            difference = (warp(clip[t], flow) - clip[t + 1]) * weight[..., None]
            losses.append(255.0**2 * float(np.sum(difference**2) / weight.sum()))
    return float(np.mean(losses)) if losses else math.nan


def _brightness(frame: Frame, mask: Frame) -> float:
    area = float(mask.sum(dtype=np.float64))
    return 255 * float((frame.max(axis=2) * mask).sum(dtype=np.float64)) / area if area > 0 else math.nan


def _check(harmonized: Sequence[Frame], real: Sequence[Frame], masks: Sequence[Frame]) -> None:
    if not len(harmonized) == len(real) == len(masks) or len(real) < 2:
        raise InputError(
            "a clip should have the same two or more frames of each kind but has "
            f"{len(harmonized)} harmonized, {len(real)} real and {len(masks)} masks"
        )
    shapes = {(f.shape[:2], f.ndim) for f in (*harmonized, *real)} | {(m.shape[:2], m.ndim + 1) for m in masks}
    if len(shapes) != 1 or real[0].ndim != 3:
        raise InputError("the frames of a clip should have one shape (H, W, 3), its masks (H, W), but they differ")
