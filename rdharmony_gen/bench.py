# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost and error of the rendering strategies, measured together: one view after the other, strategies in turn.

Errors are of the developed picture (exposed as the reference) against a reference without denoising: root mean square
in display values, and SSIM (Wang et al. 2004; Gaussian window of 1.5 pixels). CPU seconds are those of the process that
renders, building the place included, importing Blender not.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from harmonize_core.errors import ConfigError, HarmonizeError
from harmonize_core.formats.images import read_exr, write_text
from rdharmony_gen.compose.develop import develop, meter
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.bench import BenchOptions
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.job import RenderJob, write_job
from rdharmony_gen.spec.scenes import SCENES, scenes_for

Say = Callable[[str], None]


@dataclass
class Tally:
    """Sums over pictures of one strategy at one number of samples."""

    strategy: str
    samples: int
    cpu_s: float = 0.0
    pictures: int = 0
    peak_mb: float = 0.0
    rmse: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, result: dict) -> None:
        """Take up what one view gave."""
        self.cpu_s += sum(result["parts"].values())
        self.pictures += result["pictures"]
        self.peak_mb = max(self.peak_mb, result["peak_mb"])
        self.rmse += result["rmse"]
        self.ssim += result["ssim"]
        for name, value in result["parts"].items():
            self.parts[name] = self.parts.get(name, 0.0) + value

    def row(self) -> dict:
        """Means, as the JSON file has them."""
        each = max(self.pictures, 1)
        return {
            "strategy": self.strategy,
            "samples": self.samples,
            "cpu_s_per_picture": round(self.cpu_s / each, 3),
            "rmse": round(float(np.mean(self.rmse)), 5),
            "ssim": round(float(np.mean(self.ssim)), 5),
            "pictures": self.pictures,
            "compared": len(self.rmse),
            "peak_mb": self.peak_mb,
            "parts_cpu_s_per_picture": {k: round(v / each, 3) for k, v in sorted(self.parts.items())},
        }


def views(options: BenchOptions) -> list[RenderJob]:
    """Views of people, one a place, over the places in turn."""
    jobs = []
    places = [name for name in options.scenes or SCENES if name in scenes_for("human")]
    spread = [places[i * len(places) // max(options.views, 1) % len(places)] for i in range(options.views)]
    for view, scene in enumerate(spread):
        name = f"{scene}_00_v{view:03d}"
        conditions = sample_conditions(options.seed, scene, 0, view)
        jobs.append(
            RenderJob(
                job_id=f"SHuman/{name}",
                category="human",
                scene=scene,
                scene_id=name,
                variation=0,
                view=view,
                seed=options.seed,
                width=options.size,
                height=options.size,
                samples=1,
                conditions=conditions,
            )
        )
    return jobs


def measure(out: Path, options: BenchOptions, say: Say = print) -> dict:
    """Render everything and write `out` (JSON) and a plot next to it, `out` with the ending .png.

    Stopped or killed, the same call goes on: what is rendered waits in `out` with the ending .work until all is done.

    Raises:
        ConfigError: `.work` belongs to a measurement with other options.
        HarmonizeError: a render failed.
    """
    work = out.with_suffix(".work")
    _claim(work, options)
    tallies = [Tally("fresh", n) for n in options.fresh_samples] + [Tally("shared", n) for n in options.shared_samples]
    rows: list[dict] = []
    for number, job in enumerate(views(options)):
        kept = work / f"view{number}.json"
        if not kept.is_file():
            say(f"view {number + 1} of {options.views}, {job.scene}")
            measured = _measure_view(work / f"view{number}", job, options, tallies, say)
            write_text(kept, json.dumps(measured) + "\n")
            shutil.rmtree(work / f"view{number}")
        for tally, result in zip(tallies, json.loads(kept.read_text(encoding="utf-8")), strict=True):
            tally.add(result)
        rows = [tally.row() for tally in tallies]
        result = {"options": asdict(options), "finished_views": number + 1, "rows": rows}
        write_text(out, json.dumps(result, indent=1) + "\n")
        plot(out.with_suffix(".png"), rows)
    shutil.rmtree(work)
    for line in table(rows):
        say(line)
    return {"options": asdict(options), "finished_views": options.views, "rows": rows}


def _claim(work: Path, options: BenchOptions) -> None:
    note, wanted = work / "options.json", json.dumps(asdict(options))
    if note.is_file() and note.read_text(encoding="utf-8") != wanted:
        raise ConfigError(f"{work} holds a measurement with other options; delete it, or write to another file")
    write_text(note, wanted)


def _measure_view(folder: Path, job: RenderJob, options: BenchOptions, tallies: list[Tally], say: Say) -> list[dict]:
    """Cost and errors of one view, for each tally."""
    wanted = tuple(c for c in job.conditions if not options.compared or c.style in options.compared)
    base = replace(job, strategy="fresh")
    only = options.compared
    references = folder / "reference"
    cost = _render(replace(base, samples=options.reference_samples, denoise=False), references, only)
    say(f"  reference: {cost['cpu_s']:.0f} CPU s")
    results = []
    for tally in tallies:
        seen = folder / f"{tally.strategy}{tally.samples}"
        fresh = tally.strategy == "fresh"
        mine = replace(job, samples=tally.samples, strategy=tally.strategy)
        cost = _render(mine, seen, only if fresh else ())
        seconds = _whole_view(cost, len(wanted if fresh else job.conditions), len(job.conditions))
        errors = [_error(references, seen, condition) for condition in wanted]
        results.append(
            {
                "parts": seconds,
                "pictures": len(job.conditions),
                "peak_mb": cost["peak_rss_mb"] or 0.0,
                "rmse": [error for error, _ in errors],
                "ssim": [likeness for _, likeness in errors],
            }
        )
        say(
            f"  {tally.strategy:7}{tally.samples:4}  {sum(seconds.values()) / len(job.conditions):7.2f} CPU s a picture"
        )
    return results


def _error(references: Path, seen: Path, condition: ConditionSpec) -> tuple[float, float]:
    """RMSE and SSIM of a developed picture, exposed as its reference."""
    truth, mine = (_picture(folder / f"{condition.style}.exr") for folder in (references, seen))
    stops = meter(truth, condition) - meter(mine, condition)
    shift = replace(condition, exposure_jitter_ev=condition.exposure_jitter_ev + stops)
    a, b = develop(mine, shift)[0], develop(truth, condition)[0]
    return float(np.sqrt(np.mean((a - b) ** 2))), ssim(a, b)


def _render(job: RenderJob, folder: Path, only: Sequence[str] = ()) -> dict:
    """Render to a folder, unless that was done before; what it cost. `only`: styles of the job, all if none."""
    kept = folder / "cost.json"
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)  # half a render would be a cheap one
    folder.mkdir(parents=True)
    path = folder / "job.json"
    write_job(path, job)
    command = [sys.executable, "-m", "rdharmony_gen.run.render_one", str(path), str(folder), "--only", *only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise HarmonizeError(f"{job.job_id} should have been rendered but was not ({last}); run it alone: {path}")
    cost = json.loads(done.stdout.strip().splitlines()[-1])
    write_text(kept, json.dumps(cost))
    return cost


ONCE_A_VIEW = ("coverage", "surfaces")


def _whole_view(cost: dict, rendered: int, wanted: int) -> dict[str, float]:
    """CPU seconds by part as if all styles of the view had been rendered, where only some were.

    Rendering one by one builds the place once more at the end, for depth and coverage; that is not counted.
    """
    parts = dict(cost["parts"])
    parts["other"] = max(cost["cpu_s"] - sum(parts.values()), 0.0)
    if "rendering" not in parts:  # of shared renders
        return parts
    parts["building"] *= rendered / (rendered + (rendered > 1))
    return {name: value if name in ONCE_A_VIEW else value * wanted / rendered for name, value in parts.items()}


def _picture(path: Path) -> NDArray[np.float32]:
    channels = read_exr(path)
    return np.stack([channels[c] for c in "RGB"], axis=-1)


def ssim(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Mean structural similarity of two (H, W, 3) pictures in [0, 1], over pixels and channels."""
    blur = lambda x: cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)  # noqa: E731
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    value = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return float(value.mean())


def table(rows: Sequence[dict]) -> list[str]:
    """The result as lines of text; the last column says how many times more `fresh` costs at the same error."""
    lines = [f"{'strategy':10}{'samples':>8}{'CPU s a picture':>17}{'RMSE':>9}{'SSIM':>9}  equal error"]
    for row in rows:
        times = cheaper_at_equal_error(row, rows)
        lines.append(
            f"{row['strategy']:10}{row['samples']:>8}{row['cpu_s_per_picture']:>17.2f}{row['rmse']:>9.4f}"
            f"{row['ssim']:>9.4f}{'' if times is None else f'{times:>12.1f}x'}"
        )
    return lines


def cheaper_at_equal_error(row: dict, rows: Sequence[dict]) -> float | None:
    """What `fresh` would cost at the RMSE of a `shared` row, in units of its cost.

    Read off the line through the `fresh` rows, both axes logarithmic; None where their errors do not reach.
    """
    line = sorted((math.log(r["rmse"]), math.log(r["cpu_s_per_picture"])) for r in rows if r["strategy"] == "fresh")
    error = math.log(max(row["rmse"], 1e-9))
    slack = 0.01  # a hundredth of the error: two strategies that meet at one end of the line are equal
    if row["strategy"] == "fresh" or len(line) < 2 or not line[0][0] - slack <= error <= line[-1][0] + slack:
        return None
    cost = np.interp(error, [e for e, _ in line], [c for _, c in line])
    return math.exp(float(cost)) / row["cpu_s_per_picture"]


def plot(path: Path, rows: Sequence[dict]) -> None:
    """Error over cost, both on logarithmic axes, as a PNG."""
    width, height, margin = 900, 560, 90
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    words = ImageFont.load_default(15)
    cost = [max(r["cpu_s_per_picture"], 1e-3) for r in rows]
    error = [max(r["rmse"], 1e-6) for r in rows]
    (x0, x1), (y0, y1) = ((math.log(min(v) / 1.25), math.log(max(v) * 1.4)) for v in (cost, error))

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (math.log(x) - x0) / (x1 - x0), (math.log(y) - y0) / (y1 - y0)
        return margin + across * (width - 1.5 * margin), height - margin - up * (height - 1.5 * margin)

    left, right, top, bottom = margin, width - margin / 2, margin / 2, height - margin
    for tick in (m * 10.0**e for e in range(-6, 6) for m in (1, 2, 3, 5)):
        if x0 < math.log(tick) < x1:
            x = place(tick, error[0])[0]
            draw.line((x, top, x, bottom), fill="#e8e8e8")
            draw.text((x, bottom + 6), f"{tick:g}", fill="#444444", font=words, anchor="mt")
        if y0 < math.log(tick) < y1:
            y = place(cost[0], tick)[1]
            draw.line((left, y, right, y), fill="#e8e8e8")
            draw.text((left - 8, y), f"{tick:g}", fill="#444444", font=words, anchor="rm")
    draw.rectangle((left, top, right, bottom), outline="#888888")
    draw.text(((left + right) / 2, height - margin / 3), "CPU seconds a picture", fill="black", font=words, anchor="ms")
    draw.text((left, top - 8), "RMSE against the reference, display values", fill="black", font=words, anchor="ls")
    for strategy, colour in (("fresh", "#c0392b"), ("shared", "#1f6fb4")):
        own = sorted(
            (x, y, r["samples"]) for r, x, y in zip(rows, cost, error, strict=True) if r["strategy"] == strategy
        )
        points = [place(x, y) for x, y, _ in own]
        if len(points) > 1:
            draw.line(points, fill=colour, width=3)
        for (px, py), (_, _, samples) in zip(points, own, strict=True):
            draw.ellipse((px - 6, py - 6, px + 6, py + 6), fill=colour)
            draw.text((px + 9, py - 9), f"{strategy} {samples}", fill=colour, font=words, anchor="lb")
    image.save(path)
