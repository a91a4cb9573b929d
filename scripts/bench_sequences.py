# SPDX-License-Identifier: Apache-2.0
"""How much steadier sequences become, and at what cost: fR-RTC, TL and fMSE of clips, frame by frame and steadied.

    python scripts/bench_sequences.py CLIPS --model runs/first --smoothing 3 6 12 --csv /tmp/sequences.csv

CLIPS is a set of clips (`rdharmony make CLIPS --clip 20`) or any other in the HYouTube layout. Each frame is estimated
once, and every row applies the same estimates. Numbers are means over clips, 0..255, at the size of the clips.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from harmonize_core.formats.hyoutube import list_clips
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import load_triplet
from harmonize_core.infer.predictor import Predictor
from harmonize_core.metrics.pixels import fmse
from harmonize_core.metrics.video import dis_flow, fr_rtc, temporal_loss
from harmonize_core.runtime.follower import Follower
from harmonize_core.runtime.temporal import light_of, lock, smooth, smooth_over_time
from harmonize_core.train.state import weights_of

NUMBERS = ("fR-RTC", "TL", "fMSE")


def main(
    clips: tyro.conf.Positional[Path],
    /,
    model: Path,
    split: str | None = None,
    smoothing: tuple[float, ...] = (3.0, 6.0, 12.0),
    grain: float = 0.0,
    limit: int = 0,
    csv_path: Annotated[Path | None, tyro.conf.arg(name="csv")] = None,
) -> None:
    """Print fR-RTC, TL and fMSE of clips, frame by frame and steadied.

    Args:
        clips: Root of a set of clips.
        model: A run's folder, a weights file, or the name of a method.
        split: Of the set; all clips if not given.
        smoothing: Standard deviations of the smoothing, in frames.
        grain: Noise as of a camera in what the network sees, another in each frame (standard deviation in sRGB).
        limit: At most so many clips; 0: all.
        csv_path: File for the numbers of each clip.
    """
    predictor = Predictor.load(weights_of(model))
    ways = _ways(smoothing)
    table: dict[str, list[tuple[float, ...]]] = {}
    names = []
    for clip in list_clips(clips, split)[: limit or None]:
        names.append(clip.name)
        triplets = [load_triplet(paths) for paths in clip.frames]
        real, masks = [t.real for t in triplets], [t.mask for t in triplets]
        rng = np.random.default_rng(len(names))
        noise = [grain * rng.standard_normal(t.composite.shape, np.float32) for t in triplets]
        seen = [np.clip(t.composite + n, 0, 1) for t, n in zip(triplets, noise, strict=True)]
        raw: list[Any] = [predictor.estimate(s, t.mask) for s, t in zip(seen, triplets, strict=True)]
        lights = np.stack([light_of(s, t.mask) for s, t in zip(seen, triplets, strict=True)])
        results = {"composite": [t.composite for t in triplets]}
        for name, way in ways.items():
            steady = way(raw, lights)
            results[name] = [predictor.apply(s, t.composite, t.mask) for s, t in zip(steady, triplets, strict=True)]
        for name, frames in results.items():
            errors = [fmse(255 * f, 255 * r, m) for f, r, m in zip(frames, real, masks, strict=True)]
            row = fr_rtc(frames, real, masks), temporal_loss(frames, real, masks, dis_flow), float(np.mean(errors))
            table.setdefault(name, []).append(row)
    _print(table, len(names), predictor.label)
    if csv_path is not None:
        write_text(csv_path, _csv(names, table))


Way = Callable[[list[Any], np.ndarray], list[Any]]
"""From the estimates of a clip and the lights of its pictures to steady ones."""


def _ways(smoothing: Sequence[float]) -> dict[str, Way]:
    """What is done with the estimates of a clip, by the name of its row."""
    ways: dict[str, Way] = {"frame by frame": lambda raw, _: raw}
    for sigma in smoothing:
        ways[f"smooth {sigma:g}"] = lambda raw, lights, sigma=sigma: smooth(raw, sigma, lights=lights)
        ways[f"plain gaussian {sigma:g}"] = lambda raw, _, sigma=sigma: smooth_over_time(raw, sigma)
        ways[f"live {sigma:g}"] = lambda raw, _, sigma=sigma: [f(t) for f in [Follower(sigma).follow] for t in raw]
    ways["lock"] = lambda raw, _: [lock(raw)] * len(raw)
    return ways


def _print(table: dict[str, list[tuple[float, ...]]], count: int, label: str) -> None:
    print(f"{label}, {count} clips")
    print(f"{'':20}" + "".join(f"{n:>10}" for n in NUMBERS) + "".join(f"{'d ' + n:>11}" for n in NUMBERS))
    base = np.mean(table["frame by frame"], axis=0)
    for name, rows in table.items():
        mean = np.mean(rows, axis=0)
        change = 100 * (mean / base - 1)
        print(f"{name:20}" + "".join(f"{v:10.2f}" for v in mean) + "".join(f"{v:+10.1f}%" for v in change))


def _csv(names: Sequence[str], table: dict[str, list[tuple[float, ...]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "way", *NUMBERS])
    for name, rows in table.items():
        writer.writerows([clip, name, *(f"{v:.6g}" for v in row)] for clip, row in zip(names, rows, strict=True))
    return text.getvalue()


if __name__ == "__main__":
    tyro.cli(main, description=main.__doc__)
