# SPDX-License-Identifier: Apache-2.0
"""An evaluation as a table that starts with its protocol, and as files: per-image CSV, summary JSON, text."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

from harmonize_core.evaluate.place import Conditions
from harmonize_core.evaluate.run import Evaluation, ImageResult
from harmonize_core.formats.images import write_text
from harmonize_core.metrics import Interval, Scores, interval_of_mean
from harmonize_core.metrics.bootstrap import LEVEL, RESAMPLES
from harmonize_core.metrics.video import DESCRIPTION, VideoScores

COLUMNS = {"MSE": "mse", "fMSE": "fmse", "PSNR": "psnr", "fPSNR": "fpsnr", "SSIM": "ssim", "fSSIM": "fssim"}
VIDEO_COLUMNS = {"fR-RTC": "fr_rtc", "TL": "tl", "TL real": "tl_real"}
RATIO_BINS = ((0.0, 0.05), (0.05, 0.15), (0.15, 1.01))
"""Half-open bins of the foreground ratio, as the field groups its results."""
LINE = 120
FEW = 20
"""Groups below which a percentile bootstrap is known to be too narrow."""
SEED = 0
"""Of the resampling behind the intervals."""


def table(evaluation: Evaluation) -> str:
    """The means as text: protocol first, then composite and model for all images, subsets and foreground-ratio bins."""
    count = len(evaluation.images)
    width = max(10, len(evaluation.model)) + 2
    lines = [
        *textwrap.wrap(evaluation.protocol.describe(), LINE),
        f"method: {evaluation.how}",
        f"data: {evaluation.data} ({evaluation.layout} layout, split {evaluation.split}, {count} images)",
        "",
        f"{'images':<20}{'':<{width}}{'n':>6}" + "".join(f"{name:>10}" for name in COLUMNS),
    ]
    for name, images in groups(evaluation).items():
        rows = {"composite": [i.untouched for i in images], evaluation.model: [i.model for i in images]}
        for row, scores in rows.items():
            lines.append(f"{name:<20}{row:<{width}}{len(images):>6}{_numbers(Scores.mean(scores))}")
            name = ""
        if len(images) == count and _group_count(evaluation) > 1:
            bounds = intervals(images)
            for side in ("low", "high"):
                row = "".join(f"{getattr(bounds[f], side):>10.{_digits(t)}f}" for t, f in COLUMNS.items())
                lines.append(f"{'':<20}{f'  {100 * LEVEL:.0f} % {side}':<{width}}{'':>6}{row}")
    lines += [
        "",
        _about_intervals(evaluation),
        *_remarks(evaluation),
    ]
    return "\n".join([*lines, *_video_lines(evaluation, width)])


def groups(evaluation: Evaluation) -> dict[str, list[ImageResult]]:
    """All images, then the subsets where there are several, then the bins of foreground ratio that hold some."""
    found = {"all": list(evaluation.images)}
    subsets = sorted({image.subset for image in evaluation.images})
    if len(subsets) > 1:
        found |= {name: [i for i in evaluation.images if i.subset == name] for name in subsets}
    for low, high in RATIO_BINS:
        inside = [i for i in evaluation.images if low <= i.model.fg_ratio < high]
        if inside and len(inside) < len(evaluation.images):
            found[f"foreground {100 * low:.0f}-{min(100, 100 * high):.0f} %"] = inside
    return found


def intervals(images: Sequence[ImageResult]) -> dict[str, Interval]:
    """By field of `Scores`, where the model's mean lies; photographs (or 3D scenes) are drawn, not composites."""
    names = [image.group for image in images]
    return {f: interval_of_mean([getattr(i.model, f) for i in images], names, seed=SEED) for f in COLUMNS.values()}


def write_report(evaluation: Evaluation, out: Path, conditions: Conditions | None = None) -> list[Path]:
    """Write `per_image.csv`, `table.txt`, for videos `per_clip.csv`, and `summary.json` into `out`; the paths.

    `conditions` (see `place.py`) are kept in the summary, so that a later report of other ones does not replace this.

    Raises:
        OutputError: `out` cannot be written to.
    """
    files = {"per_image.csv": per_image_csv(evaluation), "table.txt": table(evaluation) + "\n"}
    if evaluation.clips:
        files["per_clip.csv"] = per_clip_csv(evaluation)
    facts = summary(evaluation) | ({"conditions": dict(conditions)} if conditions else {})
    files["summary.json"] = json.dumps(facts, indent=1) + "\n"
    for name, text in files.items():
        write_text(out / name, text)
    return [out / name for name in files]


def summary(evaluation: Evaluation) -> dict:
    """Protocol, data, the means of both rows and the model's intervals, of all images and of each group."""
    return {
        "protocol": evaluation.protocol.describe(),
        "method": evaluation.how,
        "data": str(evaluation.data),
        "layout": evaluation.layout,
        "split": evaluation.split,
        "images": len(evaluation.images),
        "model": evaluation.model,
        "means": _means(evaluation.images),
        "intervals": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED, "model": _bounds(evaluation.images)},
        "groups": {
            name: {"images": len(images), "means": _means(images), "intervals": _bounds(images)}
            for name, images in groups(evaluation).items()
            if name != "all"
        },
        "video": _video_means(evaluation),
        "skipped": list(evaluation.skipped),
    }


def per_image_csv(evaluation: Evaluation) -> str:
    """One line per image: path, subset, foreground ratio, then each number of the model and of the composite."""
    fields = list(COLUMNS.values())
    rows = [
        [
            image.composite,
            image.subset,
            f"{image.model.fg_ratio:.6f}",
            *_six_digits(fields, image.model, image.untouched),
        ]
        for image in evaluation.images
    ]
    return _csv(["composite", "subset", "fg_ratio", *fields, *(f"composite_{f}" for f in fields)], rows)


def per_clip_csv(evaluation: Evaluation) -> str:
    """One line per clip: name, frames, then each temporal number of the model and of the composite."""
    fields = list(VIDEO_COLUMNS.values())
    rows = [[c.name, c.frames, *_six_digits(fields, c.model, c.untouched)] for c in evaluation.clips]
    return _csv(["clip", "frames", *fields, *(f"composite_{f}" for f in fields)], rows)


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _six_digits(fields: Sequence[str], *scores: Scores | VideoScores) -> list[str]:
    return [f"{getattr(s, f):.6f}" for s in scores for f in fields]


def _numbers(mean: Scores) -> str:
    return "".join(f"{getattr(mean, field):>10.{_digits(title)}f}" for title, field in COLUMNS.items())


def _means(images: Sequence[ImageResult]) -> dict[str, dict[str, float | None]]:
    rows = {"composite": Scores.mean([i.untouched for i in images]), "model": Scores.mean([i.model for i in images])}
    return {name: _finite(dataclasses.asdict(mean)) for name, mean in rows.items()}


def _bounds(images: Sequence[ImageResult]) -> dict[str, dict[str, float | None]]:
    return {field: _finite(dataclasses.asdict(interval)) for field, interval in intervals(images).items()}


def _finite(numbers: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN."""
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def _group_count(evaluation: Evaluation) -> int:
    return len({image.group for image in evaluation.images})


def _about_intervals(evaluation: Evaluation) -> str:
    count = _group_count(evaluation)
    if count < 2:
        return "no interval: all images are of one photograph or scene"
    few = " (few: the interval is narrower than it should be)" if count < FEW else ""
    return (
        f"{100 * LEVEL:.0f} % interval of the means of {evaluation.model}: bootstrap over {count} photographs or "
        f"scenes{few}, {RESAMPLES} resamples, seed {SEED}"
    )


def _remarks(evaluation: Evaluation) -> list[str]:
    lines = [f"left out: {reason}" for reason in evaluation.skipped]
    perfect = sum(math.isinf(image.model.psnr) for image in evaluation.images)
    if perfect:
        lines.append(f"{perfect} images equal the real one: their PSNR is infinite and not in its mean")
    blind = sum(math.isnan(image.model.fmse) for image in evaluation.images)
    if blind:
        lines.append(f"{blind} masks are empty at this size: these images have no foreground numbers")
    return lines


def _video_means(evaluation: Evaluation) -> dict | None:
    if not evaluation.clips:
        return None
    return {
        "definition": DESCRIPTION,
        "clips": len(evaluation.clips),
        "composite": _finite(dataclasses.asdict(VideoScores.mean([c.untouched for c in evaluation.clips]))),
        "model": _finite(dataclasses.asdict(VideoScores.mean([c.model for c in evaluation.clips]))),
    }


def _video_lines(evaluation: Evaluation, width: int) -> list[str]:
    if not evaluation.clips:
        return []
    lines = ["", DESCRIPTION, f"{'clips':<20}{'':<{width}}{'n':>6}" + "".join(f"{t:>10}" for t in VIDEO_COLUMNS)]
    rows = {"composite": [c.untouched for c in evaluation.clips], evaluation.model: [c.model for c in evaluation.clips]}
    for name, scores in rows.items():
        mean = VideoScores.mean(scores)
        numbers = "".join(f"{getattr(mean, f):>10.2f}" for f in VIDEO_COLUMNS.values())
        lines.append(f"{'':<20}{name:<{width}}{len(evaluation.clips):>6}{numbers}")
    return lines


def _digits(title: str) -> int:
    return 4 if "SSIM" in title else 2
