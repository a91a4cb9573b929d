# SPDX-License-Identifier: Apache-2.0
"""One page that shows what the demo made: animation and strips with the shipped weights, renders, its own training.

    python scripts/demo_report.py demo_out

Reads what scripts/demo.sh left in the folder and writes OUT/index.html with its pictures in OUT/report; it works
offline, and the numbers on it are those of the files beside it.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from harmonize_core import load
from harmonize_core.errors import DatasetError, HarmonizeError
from harmonize_core.formats.images import (
    atomic_path,
    read_image,
    read_mask,
    resize_area,
    write_image,
    write_text,
)
from harmonize_core.formats.rdharmony import mask_of, real_of
from harmonize_core.infer.predictor import Predictor

SHIPPED = "charmnet_hr"
"""Weights that come with the package; scripts/build_extension.py puts the same into the extension."""

STRIP_QUANTILES = (0.9, 0.7, 0.5, 0.3, 0.1)
"""Shown images, by how far they come out ahead of doing nothing: from among the best to among the worst."""

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#222;background:#fafafa}
h1{font-weight:600}h2{margin-top:2.5rem;font-weight:600}img{max-width:100%;border-radius:4px;display:block}
pre{background:#fff;padding:1rem;border:1px solid #e4e4e4;border-radius:4px;overflow-x:auto}
p.note{color:#666}.pair{display:grid;grid-template-columns:1fr 1fr;gap:8px}figure{margin:0}figcaption{color:#666}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when the page was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the demo's folder")
    out = parser.parse_args(argv).out
    try:
        write_page(out)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {out / 'index.html'}")
    return 0


def write_page(out: Path) -> None:
    """Write the pictures, then the page.

    Raises:
        DatasetError: a part of the demo has not run.
    """
    needed = (
        "rendered/report/contact_sheet.png",
        "run/metrics.jsonl",
        "evaluation/summary.json",
        "evaluation_shipped/summary.json",
        "animation/animation.png",
    )
    missing = [name for name in needed if not (out / name).is_file()]
    if missing:
        raise DatasetError(f"{out} should hold {', '.join(missing)}; run scripts/demo.sh {out} to the end first")
    pictures = out / "report"
    draw_curve(out / "run/metrics.jsonl", pictures / "training.svg")
    write_image(pictures / "strips_shipped.png", strips(out, "evaluation_shipped", load(SHIPPED, domain="rendered")))
    own = Predictor.load(out / "run/model.safetensors", domain="rendered")
    write_image(pictures / "strips.png", strips(out, "evaluation", own))
    frames = sorted((out / "animation").glob("harmonized_[0-9]*.png"))
    middle = frames[len(frames) // 2].name
    before = middle.replace("harmonized_", "harmonized_before_")
    table = (out / "evaluation/table.txt").read_text(encoding="utf-8")
    untouched, own_error = mean_errors(out / "evaluation")
    _, shipped_error = mean_errors(out / "evaluation_shipped")
    minutes = minutes_of(out / "run/metrics.jsonl")
    body = f"""
<h1>RdHarmony demo</h1>
<p>All pictures on this page were made on this machine by <code>scripts/demo.sh</code>. Animation and first strips are
harmonized with the weights that come with the package, <code>{SHIPPED}</code>; what they can and cannot do is in
<code>docs/weights.md</code>. Further down a network is trained from nothing for {minutes:.1f} minutes: that shows how
it is done, not what can be reached.</p>

<h2>The animation, matched to its plate by the Blender extension</h2>
<img src="animation/animation.png" alt="animation, composite above harmonized">
<p class="note">Above: the render placed on the photograph. Below: after <i>Harmonize Animation</i>. The own
pixels of the photograph are untouched.</p>
<div class="pair">
<figure><img src="animation/{before}" alt="frame before"><figcaption>one frame before</figcaption></figure>
<figure><img src="animation/{middle}" alt="frame after"><figcaption>and after</figcaption></figure>
</div>

<h2>A place that the shipped network never saw</h2>
<p>fMSE of doing nothing: <b>{untouched:.0f}</b>. fMSE with <code>{SHIPPED}</code>: <b>{shipped_error:.0f}</b>.</p>
<img src="report/strips_shipped.png" alt="composite, mask, harmonized, real">
<p class="note">composite | mask | harmonized | real; from the most improved images (above) to the least.</p>

<h2>Rendered views under ten styles</h2>
<a href="rendered/report/index.html"><img src="rendered/report/contact_sheet.png" alt="contact sheet"></a>
<p class="note">Rows: views. Columns: styles. Below: triplets (composite, mask, real).
<a href="rendered/report/index.html">The data set's own report</a>.</p>

<h2>A training from nothing, in {minutes:.1f} minutes</h2>
<p>CharmNet, on two of these scenes and on photographs. Nothing above was made with it.</p>
<img src="report/training.svg" alt="losses and held-out fMSE over time">
<p>The third scene, which it never saw. fMSE of doing nothing: <b>{untouched:.0f}</b>; of this short training:
<b>{own_error:.0f}</b>.</p>
<pre>{html.escape(table)}</pre>
<img src="report/strips.png" alt="composite, mask, harmonized, real">
<p class="note">composite | mask | harmonized by the short training | real; from the most improved images (above) to the
least.</p>
"""
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>RdHarmony demo</title><style>{STYLE}</style>{body}"
    write_text(out / "index.html", page + "</html>\n")


def mean_errors(evaluation: Path) -> tuple[float, float]:
    """fMSE of the composites and of the network, means over the held-out scene."""
    means = json.loads((evaluation / "summary.json").read_text(encoding="utf-8"))["means"]
    return means["composite"]["fmse"], means["model"]["fmse"]


def minutes_of(log: Path) -> float:
    """How long a training took."""
    return max(json.loads(line).get("seconds", 0) for line in log.read_text(encoding="utf-8").splitlines()) / 60


def draw_curve(log: Path, target: Path) -> None:
    """Reconstruction losses of both domains, and held-out fMSE beside the composite's, over training time."""
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    train = [row for row in rows if row["kind"] == "train"]
    validate = [row for row in rows if row["kind"] == "validate"]
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    losses, held_out = figure.subplots(1, 2)
    for domain, colour in (("rendered", "#c2410c"), ("photographic", "#1d4ed8")):
        minutes = [row["seconds"] / 60 for row in train]
        values = np.array([row[f"fn_mse_{domain}"] for row in train])
        losses.plot(minutes, values, colour, lw=0.5, alpha=0.35)
        width = max(1, len(values) // 12)
        mean = np.convolve(values, np.ones(width) / width, mode="valid")
        losses.plot(minutes[width // 2 :][: len(mean)], mean, colour, lw=2, label=f"{domain}, mean of {width} steps")
        measured = [row for row in validate if f"fmse_{domain}" in row]
        minutes = [row["seconds"] / 60 for row in measured]
        held_out.plot(minutes, [row[f"fmse_{domain}"] for row in measured], colour, marker="o", ms=4, label=domain)
        nothing = [row[f"fmse_{domain}_composite"] for row in measured]
        held_out.plot(minutes, nothing, colour, ls=":", label=f"{domain}, doing nothing")
    losses.set(title="foreground-normalised MSE while training", xlabel="minutes", yscale="log")
    held_out.set(title="fMSE on held-out images", xlabel="minutes", ylim=(0, None))
    for axes in (losses, held_out):
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(target) as partial:
        figure.savefig(partial, format="svg")


def strips(out: Path, evaluation: str, predictor: Predictor) -> NDArray[np.float32]:
    """Rows of composite | mask | harmonized | real from the held-out scene, (rows * 256, 4 * 256, 3) sRGB.

    Args:
        out: the demo's folder.
        evaluation: the one of its folders that says which images are improved most.
        predictor: the network that was evaluated.
    """
    with open(out / evaluation / "per_image.csv", newline="", encoding="utf-8") as file:
        scored = list(csv.DictReader(file))
    scored.sort(key=lambda row: float(row["composite_fmse"]) - float(row["fmse"]))
    rows = []
    for quantile in STRIP_QUANTILES:
        path = out / "rendered" / scored[round(quantile * (len(scored) - 1))]["composite"]
        layout = PurePosixPath(path.as_posix())
        alpha = Path(str(mask_of(layout)).replace("/masks/", "/alpha/"))  # soft edges leave no fringe
        composite, mask, real = read_image(path), read_mask(alpha), read_image(Path(real_of(layout)))
        harmonized = predictor(composite, mask)
        tiles = [composite, np.repeat(mask[..., None], 3, axis=2), harmonized, real]
        rows.append(np.concatenate([resize_area(tile, (256, 256)) for tile in tiles], axis=1))
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main())
