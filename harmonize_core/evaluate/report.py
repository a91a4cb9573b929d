# SPDX-License-Identifier: Apache-2.0
"""An evaluation as a table that starts with its protocol, and as files: per-image CSV, summary JSON, text."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

from harmonize_core.evaluate.run import Evaluation, ImageResult
from harmonize_core.formats.images import write_text
from harmonize_core.metrics import Scores

COLUMNS = {"MSE": "mse", "fMSE": "fmse", "PSNR": "psnr", "fPSNR": "fpsnr", "SSIM": "ssim", "fSSIM": "fssim"}
RATIO_BINS = ((0.0, 0.05), (0.05, 0.15), (0.15, 1.01))
"""Half-open bins of the foreground ratio, as the field groups its results."""


def table(evaluation: Evaluation) -> str:
    """The means as text: protocol first, then composite and model for all images, subsets and foreground-ratio bins."""
    groups: list[tuple[str, list[ImageResult]]] = [("all", list(evaluation.images))]
    subsets = sorted({image.subset for image in evaluation.images})
    if len(subsets) > 1:
        groups += [(name, [i for i in evaluation.images if i.subset == name]) for name in subsets]
    for low, high in RATIO_BINS:
        inside = [i for i in evaluation.images if low <= i.model.fg_ratio < high]
        if inside and len(inside) < len(evaluation.images):
            groups.append((f"foreground {100 * low:.0f}-{min(100, 100 * high):.0f} %", inside))
    count = len(evaluation.images)
    width = max(10, len(evaluation.model))
    lines = [
        evaluation.protocol.describe(),
        f"data: {evaluation.data} ({evaluation.layout} layout, split {evaluation.split}, {count} images)",
        "",
        f"{'images':<20}{'':<{width + 2}}{'n':>6}" + "".join(f"{name:>10}" for name in COLUMNS),
    ]
    for name, images in groups:
        for row, scores in (
            ("composite", [i.untouched for i in images]),
            (evaluation.model, [i.model for i in images]),
        ):
            mean = Scores.mean(scores)
            numbers = "".join(f"{getattr(mean, field):>10.{_digits(title)}f}" for title, field in COLUMNS.items())
            lines.append(f"{name:<20}{row:<{width + 2}}{len(images):>6}{numbers}")
            name = ""
    return "\n".join(lines)


def write_report(evaluation: Evaluation, out: Path) -> list[Path]:
    """Write `per_image.csv`, `summary.json` and `table.txt` into `out`; the paths.

    Raises:
        OutputError: `out` cannot be written to.
    """
    files = {
        "per_image.csv": per_image_csv(evaluation),
        "summary.json": json.dumps(summary(evaluation), indent=1) + "\n",
        "table.txt": table(evaluation) + "\n",
    }
    for name, text in files.items():
        write_text(out / name, text)
    return [out / name for name in files]


def summary(evaluation: Evaluation) -> dict:
    """Protocol, data and the means of both rows as plain values."""
    return {
        "protocol": evaluation.protocol.describe(),
        "data": str(evaluation.data),
        "layout": evaluation.layout,
        "split": evaluation.split,
        "images": len(evaluation.images),
        "model": evaluation.model,
        "means": {
            "composite": dataclasses.asdict(Scores.mean([i.untouched for i in evaluation.images])),
            "model": dataclasses.asdict(Scores.mean([i.model for i in evaluation.images])),
        },
    }


def per_image_csv(evaluation: Evaluation) -> str:
    """One line per image: path, subset, foreground ratio, then each number of the model and of the composite."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fields = list(COLUMNS.values())
    writer.writerow(["composite", "subset", "fg_ratio", *fields, *(f"composite_{f}" for f in fields)])
    for image in evaluation.images:
        numbers = [getattr(scores, f) for scores in (image.model, image.untouched) for f in fields]
        ratio = f"{image.model.fg_ratio:.6f}"
        writer.writerow([image.composite, image.subset, ratio, *(f"{number:.6f}" for number in numbers)])
    return text.getvalue()


def _digits(title: str) -> int:
    return 4 if "SSIM" in title else 2
